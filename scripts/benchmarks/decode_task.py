"""What the processes of `decode.py` are given: photographs, their order, and boxes.

Imports nothing of bn_repro: rivals may live in another environment.
"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

BATCH = 32
CHECKED = 2  # batches that are compared with the exact ones

Batches = Iterator[np.ndarray]


class Task(NamedTuple):
  """One setting; `place` counts through the crops, of which there are `crops`.

  bytes, ends: the photographs one after another, `[bytes]` uint8, and where each
    ends, `[photographs]`.
  order: which photograph, `[crops]`; from the last place it goes on at the first.
  boxes: `[crops, 4]` int64, top, left, height and width in whole pixels.
  size: side of a crop, pixels.
  is_random: whether these are training crops; otherwise centres.
  exact: `[CHECKED * BATCH, size, size, 3]` float32, 0 to 255, what comes first.
  exact_of_feed: the same for boxes as the feed has them, not rounded to pixels.
  """

  bytes: np.ndarray
  ends: np.ndarray
  order: np.ndarray
  boxes: np.ndarray
  size: int
  is_random: bool
  exact: np.ndarray
  exact_of_feed: np.ndarray

  def photographs(self) -> list[bytes]:
    """The JPEG files."""
    return [part.tobytes() for part in np.split(self.bytes, self.ends[:-1])]


def save(path: Path, photographs: list[bytes], **fields) -> None:
  """Writes a `Task` for the processes of the subjects."""
  whole = np.frombuffer(b''.join(photographs), np.uint8)
  ends = np.cumsum([len(data) for data in photographs])
  np.savez(path, **Task(bytes=whole, ends=ends, **fields)._asdict())


def load(path: Path) -> Task:
  """What `save` wrote."""
  with np.load(path) as arrays:
    task = Task(**arrays)
  return task._replace(size=int(task.size), is_random=bool(task.is_random))


def one_by_one(task: Task, read: Callable, stack: Callable = np.stack) -> Batches:
  """Batches by a plain loop.

  Args:
    read: (JPEG file, box) -> one crop; a box is four whole numbers.
    stack: 32 crops -> a batch.
  """
  photographs = task.photographs()
  crops = itertools.cycle(zip(task.order.tolist(), task.boxes.tolist()))
  while True:
    batch = itertools.islice(crops, BATCH)
    yield stack([read(photographs[which], box) for which, box in batch])
