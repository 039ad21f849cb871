"""Our two subjects of `decode.py`: the bare reader, and the whole feed.

The feed adds the order and the boxes, which the others are given, and Grain's threads.
"""

import itertools
from collections.abc import Sequence

import jax
import numpy as np
from ml_collections import ConfigDict
from subjects.decode_task import BATCH, Batches, Task, one_by_one

from bn_repro.data import decode, sources, stream
from configs import inception


class Photographs(Sequence):
  """Files in memory in place of a `sources.Split`."""

  def __init__(self, files: np.ndarray):
    self._files = files

  def __len__(self) -> int:
    return len(self._files)

  def __getitem__(self, index: int) -> sources.Record:
    return sources.Record(self._files[index], 0, f'photograph {index}')


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
  config = config_of(task.size)
  files = Photographs(task.photographs)
  feed = stream.StreamedImages(files, config, jax.devices('cpu')[:1])
  for step in itertools.count():
    yield feed.inputs(range(step, step + 1)).images[0]
