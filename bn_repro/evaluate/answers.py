"""What a network answers to each example, kept in the workdir as it comes.

The rows of a file, in the order of the data set. Beside it a page of JSON says what
the answers depend on, and has a check sum of every chunk: a file that was cut, damaged
or made by another network is begun anew, never read. Does not know how answers are
made.
"""

import os
import sys
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bn_repro.config import read_json, write_json


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
    is_complete: whether there is nothing to add.
  """

  def __init__(self, path: Path, identity: dict[str, Any], num_classes: int):
    """Opens the file, or begins it anew if it is not what it should be.

    Args:
      path: without its ending.
      identity: everything that the answers depend on, as JSON.
      num_classes: of the data set.
    """
    self._path, self._notes_path = path.with_suffix('.rows'), path.with_suffix('.notes')
    self._type = np.dtype(
      [('labels', '<i4'), ('counts', '?'), ('crops', '<i4'),
       ('probabilities', '<f4', (num_classes,))]
    )  # fmt: skip
    self._identity = identity
    self.is_complete = False
    self._chunks = self._kept_chunks()
    path.parent.mkdir(parents=True, exist_ok=True)
    with self._path.open('ab') as file:  # what came after the last note, goes
      file.truncate(self.number * self._type.itemsize)

  @property
  def number(self) -> int:
    """Of examples that have been answered."""
    return sum(length for length, _, _ in self._chunks)

  @property
  def seconds(self) -> float:
    """That the answers took."""
    return sum(seconds for _, _, seconds in self._chunks)

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
    self._chunks.append((len(rows), zlib.crc32(rows.tobytes()), seconds))
    self._note()

  def complete(self) -> None:
    """Says that there is nothing to add."""
    self.is_complete = True
    self._note()

  def _note(self) -> None:
    notes = {'identity': self._identity, 'is_complete': self.is_complete}
    write_json(self._notes_path, notes | {'chunks': self._chunks})

  def read(self) -> np.ndarray:
    """All rows, as they lie on the disk: fields named as those of `Answers`."""
    return np.memmap(self._path, self._type, 'r', shape=(self.number,))

  def _kept_chunks(self) -> list[tuple[int, int, float]]:
    """Length, check sum and seconds, of a file that can be gone on with."""
    try:
      notes = read_json(self._notes_path)
      if notes['identity'] != self._identity:
        return []
      chunks = [tuple(chunk) for chunk in notes['chunks']]
      if not self._are_whole(chunks):
        raise ValueError('its rows are not those that were noted')
      self.is_complete = notes['is_complete']
    except FileNotFoundError:
      return []
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
      print(f'warning: {self._path} is damaged ({error}); made anew', file=sys.stderr)
      return []
    return chunks

  def _are_whole(self, chunks) -> bool:
    with self._path.open('rb') as file:
      return all(
        zlib.crc32(file.read(length * self._type.itemsize)) == check
        for length, check, _ in chunks
      )
