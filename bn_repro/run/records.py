"""What a run measures: metrics.jsonl, and the same in TensorBoard.

metrics.jsonl has one line for each step at which something was measured. It only
grows; a checkpoint keeps its length and digest, so that a resumed run goes on from
the very lines that were there. Tags are the same everywhere. Does not know how
anything was measured.
"""

import hashlib
import json
import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from bn_repro.run import collectives, damage, percentiles, summary
from bn_repro.run.config import flatten
from bn_repro.run.errors import UserError
from bn_repro.run.tensorboard import Events, write_hparams

NAME = 'metrics.jsonl'
# The share of its time, at most, that training waited for input, 0 to 1.
WAITING = 'data/waiting'
SKIPPED = 'data/skipped_images'
LONG_WAITING = 0.02


class Recorder:
  """Writes the measurements of the run of `config`; `history` holds its lines.

  Of several processes the first one writes; the others keep in `history` what they
  have recorded themselves.
  """

  def __init__(
    self, workdir: Path, config: ConfigDict, position: dict[str, Any] | None = None
  ):
    """Continues at what `position` returned; what was written later is dropped.

    Raises:
      UserError: metrics.jsonl is not what it was up to there.
    """
    self._workdir = workdir
    self._path = workdir / NAME
    self.config = config
    self.is_new = position is None or position['bytes'] == 0
    self._is_writing = collectives.is_first_process()
    kept = b''
    if position and self._is_writing:
      kept = _read_until(self._path, position)
    self._kept, self._length, self._digest = kept, len(kept), hashlib.sha256(kept)
    self.history = [json.loads(line) for line in kept.splitlines()]
    self._diverged_between = None

  def __enter__(self) -> 'Recorder':
    before = self.history[-1]['seconds'] if self.history else 0.0
    self._began = time.perf_counter() - before
    if self._is_writing:
      partial = self._path.with_name(f'{NAME}.partial')
      partial.write_bytes(self._kept)
      partial.replace(self._path)
      self._file = self._path.open('ab')
      after = self.history[-1]['step'] + 1 if self.history else 0
      self._events = Events(self._workdir, after)
    return self

  def __exit__(self, *unused) -> None:
    if self._is_writing:
      self._file.close()
      self._events.close()

  def position(self) -> dict[str, Any]:
    """How far metrics.jsonl goes; that much of it, and of the events, is on disk."""
    if self._is_writing:
      os.fsync(self._file.fileno())
      self._events.flush()
    return {'bytes': self._length, 'sha256': self._digest.hexdigest()}

  def record(
    self,
    step: int,
    scalars: dict[str, float],
    evaluation: tuple[dict[str, float], np.ndarray | None] | None = None,
  ) -> None:
    """Writes one line, and the same to TensorBoard.

    Args:
      step: the number of steps taken so far.
      scalars: measurements by tag.
      evaluation: what `evaluate.Evaluator` returns, if it was called.

    Raises:
      OSError: the disk is full, say.
    """
    of_test, inputs = evaluation or ({}, None)
    line = {'step': step} | scalars | of_test
    if inputs is not None:
      line |= percentiles.scalars(inputs, self.config.tracked_unit)
    line['seconds'] = time.perf_counter() - self._began
    self.history.append(line)
    if self._is_writing:
      self._write(line)
      self._show(line, inputs)

  def _write(self, line: dict[str, Any]) -> None:
    text = (json.dumps(summary.strict(line)) + '\n').encode()
    self._file.write(text)
    self._file.flush()
    self._length += len(text)
    self._digest.update(text)

  def _show(self, line: dict[str, Any], inputs: np.ndarray | None) -> None:
    step, hidden = line['step'], ('step', percentiles.OF_ALL_UNITS)
    if inputs is not None:
      if step == 0:
        self._events.chart('figure 1 (b, c)', 'sigmoid input', percentiles.TAGS)
      self._events.histogram(step, 'sigmoid_input/last_hidden_layer', inputs[:1000])
    shown = {tag: value for tag, value in line.items() if tag not in hidden}
    self._events.scalars(step, shown)

  @staticmethod
  def is_finite(scalars: dict[str, float]) -> bool:
    """Whether training can go on from these measurements."""
    return all(math.isfinite(value) for value in scalars.values())

  def record_divergence(self, steps: range, scalars: dict[str, float]) -> None:
    """Notes that something stopped being finite within these steps."""
    self._diverged_between = [steps.start, steps.stop]
    self.record(steps.stop, scalars)

  def headline(self) -> dict[str, str]:
    """Loss and accuracy, as of now, for a progress bar; and a long waiting."""
    accuracies = [line['test/accuracy'] for line in summary.evaluated(self.history)]
    last = self.history[-1]
    shown = {'loss': f'{last.get("train/loss", math.nan):.4f}'}
    if accuracies:
      shown['test'] = f'{accuracies[-1]:.2%}'
    if (waiting := last.get(WAITING, 0)) > LONG_WAITING:
      shown['waits for input'] = f'{waiting:.0%} of the time'
    return shown

  def write_summary(self, origin: dict[str, Any], num_steps: int) -> dict | None:
    """Writes summary.json, the last thing a run does, and the HParams entry.

    Args:
      origin: what else it says, of code and machine.
      num_steps: that the config asks for.

    Returns:
      The summary; None in a process that does not write.
    """
    if not self._is_writing:
      return None
    outcome = summary.outcome(
      self.history, self.config, num_steps, self._diverged_between
    )
    config = flatten(self.config)
    numbers = {
      f'summary/{name}': value
      for name, value in outcome.items()
      if name.endswith('accuracy') and value is not None
    }
    write_hparams(self._workdir, self.history[-1]['step'], config, numbers)
    whole = outcome | origin | {'config': config}
    summary.write(self._workdir, whole)
    return whole


def _read_until(path: Path, position: dict[str, Any]) -> bytes:
  """The first bytes of metrics.jsonl, if they are what they were."""
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
