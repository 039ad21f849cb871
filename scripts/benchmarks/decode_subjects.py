"""What `decode.py` measures: JPEG files to batches of crops, in different ways.

A subject is `batches(task) -> iterator` over `[BATCH, size, size, 3]` uint8, without
end. All get the same files, order and boxes; each is a process of its own on one
core, which prints a line of JSON:

python scripts/benchmarks/decode_subjects.py SUBJECT TASK.npz ...

Rivals may live in another environment: nothing of bn_repro is imported for them.
"""

import io
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from decode_task import BATCH, CHECKED, Batches, Task, load, one_by_one

# The workers of a pipeline read this many batches side by side, and finish them
# nearly together; so many are left out as warm-up, and a multiple of it is timed.
WARM_UP = 8
TIMED = 3 * WARM_UP
OURS, FEED = 'ours', 'ours, through Grain'
LIBRARIES = {'PIL', 'jax', 'tensorflow', 'torchvision'}  # whose versions are told


def ours(task: Task) -> Batches:
  """The reader of bn_repro in a plain loop."""
  import decode_ours

  return decode_ours.bare(task)


def through_grain(task: Task) -> Batches:
  """The training feed of bn_repro."""
  import decode_ours

  return decode_ours.through_grain(task)


def pillow_loop(task: Task) -> Batches:
  """Every pixel is decoded, then cut and resized."""
  from PIL import Image

  def read(data, box):
    top, left, height, width = box
    image = Image.open(io.BytesIO(data)).convert('RGB')
    cut = image.crop((left, top, left + width, top + height))
    return np.asarray(cut.resize((size, size), Image.Resampling.BILINEAR))

  size = task.size
  return one_by_one(task, read)


def torchvision_pillow(task: Task) -> Batches:
  """RandomResizedCrop after its box is drawn, on Pillow's images."""
  import decode_torchvision

  return decode_torchvision.on_pillow(task)


def torchvision_tensors(task: Task) -> Batches:
  """The same on tensors, with torchvision's own reader of JPEG."""
  import decode_torchvision

  return decode_torchvision.on_tensors(task)


def tf_data(task: Task) -> Batches:
  """A tf.data pipeline, antialiased like the others."""
  import decode_tensorflow

  return decode_tensorflow.batches(task, BATCH, antialias=True)


def tf_data_not_antialiased(task: Task) -> Batches:
  """The same with tf.image.resize as it comes, which skips pixels when reducing."""
  import decode_tensorflow

  return decode_tensorflow.batches(task, BATCH, antialias=False)


SUBJECTS = {
  OURS: ours,
  FEED: through_grain,
  'Pillow loop': pillow_loop,
  'torchvision, Pillow': torchvision_pillow,
  'torchvision, tensors': torchvision_tensors,
  'tf.data': tf_data,
  'tf.data, not antialiased': tf_data_not_antialiased,
}


def measure(subject: str, task: Task) -> dict:
  """Crops a second, and how far the first ones are from the exact ones.

  `cpu_share` is how much of the core the process had: far from 1, the machine was
  busy with something else.
  """
  batches = SUBJECTS[subject](task)
  first = [next(batches) for _ in range(WARM_UP)]
  began, cpu_began = time.perf_counter(), time.process_time()
  for _ in range(TIMED):
    next(batches)
  seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
  return {
    'crops_per_second': TIMED * BATCH / seconds,
    'cpu_share': cpu_seconds / seconds,
    'difference': difference(np.concatenate(first[:CHECKED]), subject, task),
  }


def difference(found: np.ndarray, subject: str, task: Task) -> float:
  """The mean over pixels, of 0 to 255, after a look at the form of the crops."""
  exact = task.exact_of_feed if subject == FEED else task.exact
  if found.dtype != np.uint8 or found.shape != exact.shape:
    raise ValueError(f'{subject} made {found.dtype} of shape {found.shape}')
  return float(np.abs(found - exact).mean())


def one_core() -> None:
  """Keeps this process on one core, where the system lets it choose."""
  if hasattr(os, 'sched_setaffinity'):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])


def main() -> None:
  subject, *paths = sys.argv[1:]
  # First of all: libraries count the cores when they are imported.
  one_core()
  measured = {}
  for path in paths:
    task = load(path)
    # The feed's centres belong to evaluation, which has an order of its own.
    if task.is_random or subject != FEED:
      measured[Path(path).stem] = measure(subject, task)
  imported = sorted(LIBRARIES & sys.modules.keys())
  libraries = {name: sys.modules[name].__version__ for name in imported}
  print(json.dumps({'settings': measured, 'libraries': libraries}))


if __name__ == '__main__':
  main()
