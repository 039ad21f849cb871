"""What a run measures: metrics.jsonl, and the same in TensorBoard.

metrics.jsonl has one line for each step at which something was measured. It only
grows; a checkpoint keeps its length and digest, so that a resumed run continues after
the very lines that were there.
"""

import hashlib
import json
import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from bn_repro.run import collectives, damage, summary
from bn_repro.run.errors import UserError
from bn_repro.run.files import replaced, strict
from bn_repro.run.percentiles import OF_ALL_UNITS
from bn_repro.run.tensorboard import Events, write_hparams

NAME = 'metrics.jsonl'
# The largest share of its time, 0 to 1, that training may have waited for input: of
# several processes, that of the one that waited longest.
WAITING = 'data/waiting'
SKIPPED = 'data/skipped_images'
LONG_WAITING = 0.02
# What TensorBoard does not show as curves.
HIDDEN = ('step', OF_ALL_UNITS)


class Recorder:
  """Writes the measurements of a run; `history` holds the lines.

  Only the first of several processes writes; each has its own `history`.
  """

  def __init__(self, workdir: Path, position: dict[str, Any] | None = None):
    """Continues at what `position` returned; what was written later is dropped."""
    self._workdir, self._position = workdir, position or {}
    self._path = workdir / NAME
    self.is_new = position is None or position['bytes'] == 0
    self._is_writing = collectives.is_first_process()
    is_read = position and self._is_writing
    kept = _read_until(self._path, position) if is_read else b''
    self._kept, self._length, self._digest = kept, len(kept), hashlib.sha256(kept)
    self.history = [json.loads(line) for line in kept.splitlines()]

  def __enter__(self) -> 'Recorder':
    last = self.history[-1]['seconds'] if self.history else 0.0
    # A position of earlier code does without the seconds since the last line.
    self._began = time.perf_counter() - self._position.get('seconds', last)
    if self._is_writing:
      with replaced(self._path) as file:
        file.write(self._kept)
      self._file = self._path.open('ab')
      after = self.history[-1]['step'] + 1 if self.history else 0
      self._events = Events(self._workdir, after)
    return self

  def __exit__(self, *unused) -> None:
    if self._is_writing:
      self._file.close()
      self._events.close()

  def position(self) -> dict[str, Any]:
    """How far metrics.jsonl goes, and the seconds that the run has taken so far.

    That much of it, and of the events, is on disk.
    """
    if self._is_writing:
      os.fsync(self._file.fileno())
      self._events.flush()
    return {
      'bytes': self._length, 'sha256': self._digest.hexdigest(),
      'seconds': self._seconds(),
    }  # fmt: skip

  def _seconds(self) -> float:
    return time.perf_counter() - self._began

  def record(
    self,
    step: int,
    measurements: dict[str, Any],
    histograms: dict[str, np.ndarray] | None = None,
  ) -> None:
    """Writes one line of measurements; the same and the histograms to TensorBoard.

    None is null there, and no point here.
    """
    line = {'step': step} | measurements
    line['seconds'] = self._seconds()
    self.history.append(line)
    if self._is_writing:
      self._write(line)
      for tag, values in (histograms or {}).items():
        self._events.histogram(step, tag, values)
      shown = {tag: v for tag, v in line.items() if tag not in HIDDEN and v is not None}
      self._events.scalars(step, shown)

  def chart(self, name: str, title: str, tags: tuple[str, ...]) -> None:
    """Has TensorBoard draw the curves of some tags in one chart."""
    if self._is_writing:
      self._events.chart(name, title, tags)

  def _write(self, line: dict[str, Any]) -> None:
    text = (json.dumps(strict(line)) + '\n').encode()
    self._file.write(text)
    self._file.flush()
    self._length += len(text)
    self._digest.update(text)

  def headline(self) -> dict[str, str]:
    """Loss and accuracy, as of now, for a progress bar; and a long wait for input."""
    last, tests = self.history[-1], [line.get('test/accuracy') for line in self.history]
    shown = {'loss': f'{last.get("train/loss", math.nan):.4f}'}
    if accuracies := [accuracy for accuracy in tests if accuracy is not None]:
      shown['test'] = f'{accuracies[-1]:.2%}'
    if (waiting := last.get(WAITING, 0)) > LONG_WAITING:
      shown['waits for input'] = f'{waiting:.0%} of the time'
    return shown

  def write_summary(self, content: dict[str, Any]) -> None:
    """Writes the HParams entry and, the last thing a run does, summary.json."""
    if not self._is_writing:
      return
    numbers, last_step = summary.accuracies(content), self.history[-1]['step']
    write_hparams(self._workdir, last_step, content['config'], numbers)
    summary.write(self._workdir, content)


def _read_until(path: Path, position: dict[str, Any]) -> bytes:
  try:
    kept, wrong = path.read_bytes(), 'not what it was when the checkpoint was saved'
  except FileNotFoundError:
    kept, wrong = b'', 'missing'
  except OSError as error:
    raise damage.could_not_be_read(path, error) from error
  kept = kept[: position['bytes']]
  if hashlib.sha256(kept).hexdigest() != position['sha256']:
    raise UserError(f'{path} is {wrong}; put it back, or use another --workdir')
  return kept
