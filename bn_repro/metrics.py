"""What a run leaves to read: metrics.jsonl, TensorBoard events, summary.json.

metrics.jsonl has one line for each step at which something was measured; it is
the source of the two others' content. Tags are the same everywhere. Does not
know how anything was measured.
"""

import json
import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict
from tensorboardX import SummaryWriter
from tensorboardX import summary as tensorboard_summary

from bn_repro import parallel
from bn_repro.config import flatten, write_json
from bn_repro.errors import UserError
from bn_repro.evaluate import PERCENTILES, percentiles

PERCENTILE_TAGS = tuple(f'sigmoid_input/percentile_{p}' for p in PERCENTILES)
# The percentiles of every unit, `[3, units]`; in metrics.jsonl only.
ALL_PERCENTILES = 'sigmoid_input/percentiles'
# What some networks are evaluated for besides: tag, name in the summary.
MORE_ACCURACIES = {
  'test/top_5_accuracy': 'final_test_top_5_accuracy',
  'test/accuracy_polyak': 'final_test_accuracy_polyak',
}


class Recorder:
  """Writes the measurements of the run of `config`; `history` holds its lines.

  Of several processes the first one writes; the others keep the history only.
  """

  def __init__(self, workdir: Path, config: ConfigDict, step: int):
    """Continues after `step`: what an earlier process wrote later is dropped.

    Raises:
      UserError: step is not 0 and there is no metrics.jsonl to continue.
    """
    self._workdir = workdir
    self.config = config
    self._path = workdir / 'metrics.jsonl'
    self.history = _lines_until(self._path, step) if step > 0 else []
    self._diverged_between = None
    before = self.history[-1]['seconds'] if self.history else 0.0
    self._began = time.perf_counter() - before

  def __enter__(self) -> 'Recorder':
    self._is_writing = parallel.is_first_process()
    if self._is_writing:
      partial = self._path.with_name('metrics.jsonl.partial')
      partial.write_text(''.join(json.dumps(line) + '\n' for line in self.history))
      partial.replace(self._path)
    self._file = (self._path if self._is_writing else Path(os.devnull)).open('a')
    after = self.history[-1]['step'] + 1 if self.history else 0
    self._writer = SummaryWriter(
      str(self._workdir), purge_step=after, filename_suffix=f'.from_{after}',
      write_to_disk=self._is_writing,
    )  # fmt: skip
    return self

  def __exit__(self, *unused) -> None:
    self._file.close()
    self._writer.close()

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
    """
    line = {'step': step} | scalars
    if evaluation is not None:
      line |= self._evaluation(step, *evaluation)
    line['seconds'] = time.perf_counter() - self._began
    self.history.append(line)
    self._file.write(json.dumps(_strict(line)) + '\n')
    self._file.flush()
    for tag, value in line.items():
      if tag not in ('step', ALL_PERCENTILES):
        self._writer.add_scalar(tag, value, step)

  def _evaluation(self, step, scalars, inputs):
    if inputs is None:
      return scalars
    if step == 0:
      self._writer.add_custom_scalars_multilinechart(
        list(PERCENTILE_TAGS), category='figure 1 (b, c)', title='sigmoid input'
      )
    self._writer.add_histogram('sigmoid_input/last_hidden_layer', inputs[:1000], step)
    of_units = percentiles(inputs)
    tracked = of_units[:, self.config.tracked_unit].tolist()
    every = {ALL_PERCENTILES: of_units.tolist()}
    return scalars | dict(zip(PERCENTILE_TAGS, tracked)) | every

  @staticmethod
  def is_finite(scalars: dict[str, float]) -> bool:
    """Whether training can go on from these measurements."""
    return all(math.isfinite(value) for value in scalars.values())

  def record_divergence(self, steps: range, scalars: dict[str, float]) -> None:
    """Notes that a loss or a norm stopped being finite within these steps."""
    self._diverged_between = [steps.start, steps.stop]
    self.record(steps.stop, scalars)

  def headline(self) -> dict[str, str]:
    """Loss and accuracy, as of now, for a progress bar."""
    accuracies = [line['test/accuracy'] for line in evaluated(self.history)]
    loss = self.history[-1].get('train/loss', math.nan)
    return {'loss': f'{loss:.4f}', 'test': f'{accuracies[-1]:.2%}'}

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
    outcome = _outcome(self.history, self.config, num_steps, self._diverged_between)
    summary = outcome | origin | {'config': flatten(self.config)}
    self._write_hparams(outcome)
    write_json(self._workdir / 'summary.json', _strict(summary))
    return summary

  def _write_hparams(self, outcome):
    """Fills TensorBoard's HParams tab: one row for each run."""
    values = {
      name: value if isinstance(value, (bool, int, float, str)) else str(value)
      for name, value in flatten(self.config).items()
    }
    numbers = {
      f'summary/{name}': value
      for name, value in outcome.items()
      if name.endswith('accuracy') and value is not None
    }
    with SummaryWriter(str(self._workdir), filename_suffix='.hparams') as writer:
      for entry in tensorboard_summary.hparams(values, numbers):
        writer.file_writer.add_summary(entry)
      for tag, value in numbers.items():
        writer.add_scalar(tag, value, self.history[-1]['step'])


def _lines_until(path: Path, step: int) -> list[dict]:
  """The lines of a metrics.jsonl up to a step; a torn last line is dropped."""
  if not path.exists():
    raise UserError(
      f'{path} is missing, but there is a checkpoint at step {step}; put it back, '
      'or train in another --workdir'
    )
  whole = (t for t in path.read_text().splitlines(keepends=True) if t.endswith('\n'))
  return [line for line in map(json.loads, whole) if line['step'] <= step]


def _strict(value: Any) -> Any:
  """Without NaN and infinity, which JSON does not have: they become null."""
  if isinstance(value, dict):
    return {name: _strict(part) for name, part in value.items()}
  if isinstance(value, float) and not math.isfinite(value):
    return None
  return value


def evaluated(history: list[dict]) -> list[dict]:
  """The lines that hold an evaluation on the test set."""
  return [line for line in history if 'test/accuracy' in line]


def _outcome(history, config, num_steps, diverged_between) -> dict[str, Any]:
  """The part of the summary that follows from config and measurements."""
  tests = evaluated(history)
  best = max(tests, key=lambda line: line['test/accuracy'])
  last = tests[-1] if diverged_between is None else {}
  speeds = [line['steps_per_second'] for line in history if line['step'] > 0]
  outcome = {
    'network': config.network,
    'dataset': config.dataset.name,
    'seed': config.seed,
    'num_steps': num_steps,
    'final_test_accuracy': last.get('test/accuracy'),
    'final_test_accuracy_moving_average': last.get('test/accuracy_moving_average'),
    'best_test_accuracy': best['test/accuracy'],
    'best_step': best['step'],
    'steps_to_target': {
      str(target): steps_to(target, tests) for target in config.targets
    },
    'diverged': diverged_between is not None,
    'diverged_between_steps': diverged_between,
    'wall_seconds': history[-1]['seconds'],
    'examples_per_second': config.batch_size * float(np.median(speeds)),
  }
  for tag, name in MORE_ACCURACIES.items():
    if tag in best:
      outcome[name] = last.get(tag)
  if ALL_PERCENTILES in best:
    outcome['percentile_drift'] = percentile_drift(tests)
  return outcome


def steps_to(target: float, tests: list[dict]) -> int | None:
  """The first evaluated step whose test accuracy is at least the target."""
  reached = (line['step'] for line in tests if line['test/accuracy'] >= target)
  return next(reached, None)


def percentile_drift(tests: list[dict]) -> dict[str, dict[str, float]]:
  """How far the percentiles of sigmoid inputs move over training (claim 2).

  Args:
    tests: the evaluated lines, in order.

  Returns:
    For each percentile, over all units of the last hidden layer: the mean of
    `range` (largest less smallest value over the evaluations), the mean and the
    median of `relative` (the same, in units of the distance between the outer
    percentiles of that unit at the last evaluation).
  """
  course = np.asarray([line[ALL_PERCENTILES] for line in tests])
  ranges = np.ptp(course, axis=0)
  spread = np.maximum(course[-1, -1] - course[-1, 0], np.finfo(np.float32).tiny)
  return {
    str(percentile): {
      'range': float(np.mean(ranges[i])),
      'relative': float(np.mean(ranges[i] / spread)),
      'median_relative': float(np.median(ranges[i] / spread)),
    }
    for i, percentile in enumerate(PERCENTILES)
  }
