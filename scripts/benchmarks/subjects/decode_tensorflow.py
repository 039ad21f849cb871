"""TensorFlow's form of the work of `decode.py`: a tf.data pipeline on one thread.

decode_and_crop_jpeg decodes the rows and blocks of the box alone.
"""

import numpy as np
import tensorflow as tf
from subjects.decode_task import BATCH, Batches, Task


def antialiased(task: Task) -> Batches:
  """The filter grows with the reduction, as it does in Pillow."""
  return _batches(task, antialias=True)


def not_antialiased(task: Task) -> Batches:
  """tf.image.resize as it comes, which skips pixels where it reduces."""
  return _batches(task, antialias=False)


def _batches(task: Task, antialias: bool) -> Batches:
  tf.config.set_visible_devices([], 'GPU')
  tf.config.threading.set_inter_op_parallelism_threads(1)
  tf.config.threading.set_intra_op_parallelism_threads(1)
  stored, size = tf.constant(task.photographs), (task.size, task.size)

  def read(which, box):
    pixels = tf.io.decode_and_crop_jpeg(
      tf.gather(stored, which), box, channels=3, dct_method='INTEGER_ACCURATE'
    )
    crop = tf.image.resize(pixels, size, 'bilinear', antialias=antialias)
    return tf.cast(tf.round(crop), tf.uint8)

  places = task.order.astype(np.int32), task.boxes.astype(np.int32)
  crops = tf.data.Dataset.from_tensor_slices(places).repeat()
  options = tf.data.Options()
  options.threading.private_threadpool_size = 1
  options.threading.max_intra_op_parallelism = 1
  return crops.map(read).batch(BATCH).with_options(options).as_numpy_iterator()
