"""A network's predictions for each example, kept in the workdir as they are made.

The rows of a file, in the order of the data set. Beside it an index of JSON says what
the predictions depend on, how many there are, and their check sum: a file that was cut,
damaged or made by another network is begun anew, never read. Does not know how
predictions are made.
"""

import os
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int32

from bn_repro.run.errors import warn
from bn_repro.run.files import read_sealed, write_sealed

_ROWS = 4096  # that are read at a time


class Predictions(NamedTuple):
  """Of consecutive examples."""

  labels: Int32[np.ndarray, ' examples']
  counts: Bool[np.ndarray, ' examples']  # false for an image that is left out
  crops: Int32[np.ndarray, ' examples']  # the number of different ones
  probabilities: Float32[np.ndarray, 'examples classes']  # averaged over the crops


class Index(NamedTuple):
  """What is kept of a file: how many rows, the seconds they took, their check sum.

  `left_out` examples could not be read; None until there is nothing to add.
  """

  number: int = 0
  seconds: float = 0.0
  check_sum: int = 0
  left_out: int | None = None


class PredictionFile:
  """Predictions that are appended, chunk by chunk, and their `index`."""

  def __init__(self, path: Path, identity: dict[str, Any], num_classes: int):
    """Opens the file, or begins it anew if it cannot be continued.

    The path has no ending; `identity` is all that the predictions depend on, as JSON.
    """
    self._path, self._index_path = (
      path.with_name(path.name + ending) for ending in ('.rows', '.index')
    )
    self._type = np.dtype(
      [('labels', '<i4'), ('counts', '?'), ('crops', '<i4'),
       ('probabilities', '<f4', (num_classes,))]
    )  # fmt: skip
    self._identity = identity
    self._rows = None
    self.index = self._load()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Unlink, do not truncate: whoever has the old file mapped keeps its rows.
    if not self.index.number:
      self._path.unlink(missing_ok=True)
    with self._path.open('ab') as file:  # drop rows that are not in the index
      file.truncate(self.index.number * self._type.itemsize)

  @property
  def is_complete(self) -> bool:
    """Whether there is nothing to add."""
    return self.index.left_out is not None

  def append(self, predictions: Predictions, seconds: float) -> None:
    """Adds those for the examples that follow; kept when this returns."""
    rows = np.rec.fromarrays(predictions, self._type)
    with self._path.open('ab') as file:
      file.write(rows.tobytes())
      file.flush()
      os.fsync(file.fileno())
    self._save(
      number=self.index.number + len(rows),
      seconds=self.index.seconds + seconds,
      check_sum=zlib.crc32(rows.tobytes(), self.index.check_sum),
    )

  def complete(self, left_out: int = 0) -> None:
    """Says that there is nothing to add.

    `left_out` examples have no rows; those whose rows do not count are added to them.
    """
    uncounted = int(np.sum(~self.read()['counts']))
    self._save(left_out=left_out + uncounted)

  def read(self) -> np.ndarray:
    """All rows, mapped from the disk: fields named as those of `Predictions`.

    They stay what they are, should another evaluation begin the file anew.
    """
    if self._rows is None or len(self._rows) != self.index.number:
      self._rows = np.memmap(self._path, self._type, 'r', shape=(self.index.number,))
    return self._rows

  def _save(self, **changes: Any) -> None:
    index = self.index._replace(**changes)
    write_sealed(self._index_path, {'identity': self._identity, **index._asdict()})
    self.index = index

  def _load(self) -> Index:
    """That of a file that can be continued, or of an empty one."""
    try:
      content = read_sealed(self._index_path)
      if content.pop('identity') != self._identity:
        return Index()
      index = Index(**content)
      if self._check_sum_of(index.number) != index.check_sum:
        raise ValueError('its rows are not those of the index')
    except FileNotFoundError:
      return Index()
    except (ValueError, KeyError, TypeError) as error:
      warn(f'{self._path} is damaged ({error}); made anew')
      return Index()
    return index

  def _check_sum_of(self, number: int) -> int:
    check_sum = 0
    with self._path.open('rb') as file:
      if os.fstat(file.fileno()).st_size < number * self._type.itemsize:
        raise ValueError('it was cut')
      for start in range(0, number, _ROWS):
        rows = min(_ROWS, number - start)
        check_sum = zlib.crc32(file.read(rows * self._type.itemsize), check_sum)
    return check_sum
