"""What a network answers to each example, kept in the workdir as it comes.

The rows of a file, in the order of the data set. Beside it a page of JSON says what
the answers depend on, how many there are, and their check sum: a file that was cut,
damaged or made by another network is begun anew, never read. Does not know how answers
are made.
"""

import os
import sys
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bn_repro.run.config import read_json, write_json

_ROWS = 4096  # that are read at a time


class Answers(NamedTuple):
  """Of consecutive examples.

  Attributes:
    labels: `[n]` int32.
    counts: `[n]` bool; false for an image that is left out.
    crops: `[n]` int32, the different ones that each was judged by.
    probabilities: `[n, classes]` float32, of each class, averaged over the crops.
  """

  labels: np.ndarray
  counts: np.ndarray
  crops: np.ndarray
  probabilities: np.ndarray


class AnswerFile:
  """Answers that are appended, chunk by chunk.

  Attributes:
    number: of examples that have been answered.
    seconds: that the answers took.
    left_out: how many could not be read, once it is complete.
    is_complete: whether there is nothing to add.
  """

  def __init__(self, path: Path, identity: dict[str, Any], num_classes: int):
    """Opens the file, or begins it anew if it is not what it should be.

    Args:
      path: without its ending.
      identity: everything that the answers depend on, as JSON.
      num_classes: of the data set.
    """
    self._path, self._notes_path = (
      path.with_name(path.name + ending) for ending in ('.rows', '.notes')
    )
    self._type = np.dtype(
      [('labels', '<i4'), ('counts', '?'), ('crops', '<i4'),
       ('probabilities', '<f4', (num_classes,))]
    )  # fmt: skip
    self._identity = identity
    self._rows = None
    self.number, self.seconds, self._check_sum, self.left_out, self.is_complete = (
      self._kept()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    if not self.number:  # who reads the old rows, goes on reading them
      self._path.unlink(missing_ok=True)
    with self._path.open('ab') as file:  # what came after the last note, goes
      file.truncate(self.number * self._type.itemsize)

  def append(self, answers: Answers, seconds: float) -> None:
    """Adds the answers to the examples that follow; kept when this returns.

    Raises:
      OSError: the disk cannot hold them; nothing is added.
    """
    rows = np.zeros(len(answers.labels), self._type)
    for name, values in answers._asdict().items():
      rows[name] = values
    with self._path.open('ab') as file:
      file.write(rows.tobytes())
      file.flush()
      os.fsync(file.fileno())
    self.number += len(rows)
    self.seconds += seconds
    self._check_sum = zlib.crc32(rows.tobytes(), self._check_sum)
    self._note()

  def complete(self, left_out: int = 0) -> None:
    """Says that there is nothing to add.

    Args:
      left_out: how many examples the feed has skipped; rows may tell of more.
    """
    self.is_complete = True
    uncounted = int(np.sum(~self.read()['counts']))
    self.left_out = max(left_out, uncounted)
    self._note()

  def read(self) -> np.ndarray:
    """All rows, as they lie on the disk: fields named as those of `Answers`.

    They stay what they are, should another evaluation begin the file anew.
    """
    if self._rows is None or len(self._rows) != self.number:
      self._rows = np.memmap(self._path, self._type, 'r', shape=(self.number,))
    return self._rows

  def _note(self) -> None:
    notes = {
      'identity': self._identity, 'number': self.number, 'seconds': self.seconds,
      'check_sum': self._check_sum, 'left_out': self.left_out,
      'is_complete': self.is_complete,
    }  # fmt: skip
    write_json(self._notes_path, notes)

  def _kept(self) -> tuple[int, float, int, int, bool]:
    """What was noted of a file that can be gone on with, or of an empty one."""
    nothing = (0, 0.0, 0, 0, False)
    try:
      notes = read_json(self._notes_path)
      if notes['identity'] != self._identity:
        return nothing
      names = ('number', 'seconds', 'check_sum', 'left_out', 'is_complete')
      number, seconds, check_sum, left_out, is_complete = (notes[n] for n in names)
      if self._check_sum_of(number) != check_sum:
        raise ValueError('its rows are not those that were noted')
    except FileNotFoundError:
      return nothing
    except (ValueError, KeyError, TypeError, RecursionError) as error:
      print(f'warning: {self._path} is damaged ({error}); made anew', file=sys.stderr)
      return nothing
    return number, seconds, check_sum, left_out, is_complete

  def _check_sum_of(self, number: int) -> int:
    """Of the first rows in the file, read some at a time."""
    found = 0
    with self._path.open('rb') as file:
      if os.fstat(file.fileno()).st_size < number * self._type.itemsize:
        raise ValueError('it was cut')
      for start in range(0, number, _ROWS):
        rows = min(_ROWS, number - start)
        found = zlib.crc32(file.read(rows * self._type.itemsize), found)
    return found
