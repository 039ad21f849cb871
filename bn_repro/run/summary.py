"""summary.json: what came of a run, in one page, sealed.

It follows from the config and from the lines of metrics.jsonl. It is the last thing
that a run writes, and what every table is made from, so it carries a digest of
itself: a summary that was damaged or cut is never read. Imports no JAX.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from bn_repro.run import percentiles
from bn_repro.run.errors import UserError
from bn_repro.run.files import read_sealed, write_sealed

NAME = 'summary.json'
TOP = 5  # answers, of more classes, among which figure 4 looks for the right one
# What some networks are evaluated for besides: tag, name in the summary.
MORE_ACCURACIES = {
  'test/top_5_accuracy': 'final_test_top_5_accuracy',
  'test/accuracy_polyak': 'final_test_accuracy_polyak',
  'train/accuracy_undistorted': 'final_train_accuracy_undistorted',
}


def outcome(
  history: list[dict],
  config: ConfigDict,
  num_steps: int,
  diverged_between: list[int] | None,
) -> dict[str, Any]:
  """The part of the summary that follows from config and measurements.

  Args:
    history: the lines of metrics.jsonl, in order.
    config: of the run.
    num_steps: that the config asks for.
    diverged_between: the steps between which something stopped being finite.
  """
  tests = evaluated(history)
  best = _best(tests)
  last = tests[-1] if diverged_between is None else {}
  speeds = [line['steps_per_second'] for line in history if line['step'] > 0]
  found = {
    'network': config.network,
    'dataset': config.dataset.name,
    'seed': config.seed,
    'num_steps': num_steps,
    'last_step': history[-1]['step'],
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
      found[name] = last.get(tag)
  if percentiles.OF_ALL_UNITS in best:
    found['percentile_drift'] = percentiles.drift(tests)
  return found


def evaluated(history: list[dict]) -> list[dict]:
  """The lines that hold an evaluation on the test set."""
  return [line for line in history if 'test/accuracy' in line]


def steps_to(target: float, tests: list[dict]) -> int | None:
  """The first evaluated step whose test accuracy is at least the target."""
  reached = (line['step'] for line in tests if line['test/accuracy'] >= target)
  return next(reached, None)


def has_stopped_rising(history: list[dict], patience: float, at_least: int) -> bool:
  """Whether test accuracy has not risen for a share of the steps taken.

  Args:
    history: the lines of metrics.jsonl, in order.
    patience: the share, 0 to 1, of the steps up to the last evaluation; with 0 the
      answer is no.
    at_least: steps before which the answer is no, too.
  """
  if not patience or not (tests := evaluated(history)):
    return False
  now = tests[-1]['step']
  return now >= at_least and now - _best(tests)['step'] >= patience * now


def _best(tests: list[dict]) -> dict:
  """The first evaluation of those with the highest test accuracy."""
  return max(tests, key=lambda line: line['test/accuracy'])


def strict(value: Any) -> Any:
  """Without NaN and infinity, which JSON does not have: they become null."""
  if isinstance(value, dict):
    return {name: strict(part) for name, part in value.items()}
  if isinstance(value, float) and not math.isfinite(value):
    return None
  return value


def write(workdir: Path, summary: dict[str, Any]) -> None:
  """Writes summary.json, whole or not at all."""
  write_sealed(workdir / NAME, strict(summary))


def read(workdir: Path) -> dict[str, Any] | None:
  """The summary of a run; None if it is not finished.

  Raises:
    UserError: summary.json is not as it was written.
    MachineError: it cannot be read, which says nothing of it.
  """
  path = workdir / NAME
  try:
    return read_sealed(path)
  except FileNotFoundError:
    return None
  except ValueError as error:
    raise UserError(
      f'{path} is not as it was written; remove it, and the command of the run '
      'writes it again'
    ) from error


def of_finished_run(workdir: Path, config: ConfigDict) -> dict[str, Any] | None:
  """The summary of a run of a config; None if it is not finished.

  Raises:
    UserError: as `read`, or the run was finished with another `train_for`, after
      which its curves may have one point more than those of a longer run.
  """
  found = read(workdir)
  if found and found['config']['train_for'] != config.train_for:
    raise UserError(
      f'{workdir} holds a run that is finished, with config.train_for='
      f'{found["config"]["train_for"]!r}; ask for that, or use another --workdir'
    )
  return found
