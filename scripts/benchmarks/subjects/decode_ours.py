"""Our two subjects of `decode.py`: the bare reader, and the whole feed.

The feed adds the order and the boxes, which the others are given, and Grain's threads.
"""

import itertools

import jax
from ml_collections import ConfigDict
from subjects.decode_task import BATCH, Batches, Task, one_by_one

from bn_repro.data import decode, sources, stream
from configs import inception


def config_of(size: int) -> ConfigDict:
  """The config of a run on ImageNet, for crops of `size` pixels a side."""
  config = inception.get_config('imagenet2012')
  config.batch_size, config.dataset.size = BATCH, size
  return config


def bare(task: Task) -> Batches:
  """`read_crop`, one file after the other."""
  return one_by_one(
    task,
    lambda data, box: decode.read_crop(data, lambda *_: box, task.size, 'a photograph'),
  )


def through_grain(task: Task) -> Batches:
  """`StreamedImages.inputs`, as training calls it, step by step."""
  records = [sources.Record(data, 0, 'a photograph') for data in task.photographs]
  feed = stream.StreamedImages(records, config_of(task.size), jax.devices('cpu')[:1])
  for step in itertools.count():
    yield feed.inputs(range(step, step + 1)).images[0]
