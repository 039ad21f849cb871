"""What the processes of `decode.py` are given, and what they measure on one core.

A subject is a function from a `Task` to an endless iterator over
`[BATCH, size, size, 3]` uint8. Imports nothing of bn_repro: rivals may live in another
environment.
"""

import importlib
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from subjects import speed

BATCH = 32
CHECKED = 2  # batches that are compared with the exact ones
# The workers of a pipeline read this many batches side by side, and finish them
# nearly together; this many are excluded as warm-up, and a multiple of it is timed.
WARM_UP = 8
TIMED = 3 * WARM_UP
LIBRARIES = {'PIL', 'jax', 'tensorflow', 'torchvision'}  # whose versions are reported

Batches = Iterator[np.ndarray]


class Task(NamedTuple):
  """One setting: crops of photographs, from the first again after the last.

  photographs: JPEG files, `[photographs]`.
  order: which photograph, `[crops]`.
  boxes: `[crops, 4]` int64, top, left, height and width in whole pixels.
  exact: `[CHECKED * BATCH, size, size, 3]` float32, 0 to 255, what comes first.
  exact_of_feed: the same for boxes as the feed has them, not rounded to pixels.
  """

  photographs: np.ndarray
  order: np.ndarray
  boxes: np.ndarray
  exact: np.ndarray
  exact_of_feed: np.ndarray

  @property
  def size(self) -> int:
    """Side of a crop, pixels."""
    return self.exact.shape[1]


def one_by_one(task: Task, read: Callable, stack: Callable = np.stack) -> Batches:
  """Batches by a plain loop; `read` maps a JPEG file and a box to one crop."""
  crops = itertools.cycle(zip(task.order.tolist(), task.boxes.tolist()))
  while True:
    batch = itertools.islice(crops, BATCH)
    yield stack([read(task.photographs[which], box) for which, box in batch])


def measure(module: str, function: str, is_feed: bool, paths: list[str]) -> dict:
  """In a subject's process: every setting, and the versions of what was imported.

  `is_feed` says that it draws its own boxes, which are not rounded to pixels.
  """
  speed.pin(1)
  batches_of = getattr(importlib.import_module(f'subjects.{module}'), function)
  settings = {}
  for path in map(Path, paths):
    # The feed's centres belong to evaluation, which has an order of its own.
    if 'random' in path.stem or not is_feed:
      with np.load(path, allow_pickle=True) as arrays:
        task = Task(**arrays)
      exact = task.exact_of_feed if is_feed else task.exact
      settings[path.stem] = _measure(batches_of(task), exact)
  imported = sorted(LIBRARIES & sys.modules.keys())
  libraries = {name: sys.modules[name].__version__ for name in imported}
  return {'settings': settings, 'libraries': libraries}


def _measure(batches: Batches, exact: np.ndarray) -> dict:
  """Crops a second, and how far the first ones are from the exact ones.

  Where `cpu_share` is far from 1, something else took the core.
  """
  first = [next(batches) for _ in range(WARM_UP)]
  began, cpu_began = time.perf_counter(), time.process_time()
  for _ in range(TIMED):
    next(batches)
  seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
  crops = np.concatenate(first[:CHECKED])
  if crops.dtype != np.uint8 or crops.shape != exact.shape:
    raise ValueError(f'crops are {crops.dtype} of shape {crops.shape}')
  return {
    'crops_per_second': TIMED * BATCH / seconds,
    'cpu_share': cpu_seconds / seconds,
    # The mean over pixels, of 0 to 255.
    'difference': float(np.abs(crops - exact).mean()),
  }
