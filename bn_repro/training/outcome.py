"""The outcome of a run, and when it may end early: from its config and measurements."""

from typing import Any

import numpy as np
from ml_collections import ConfigDict

from bn_repro.run import percentiles as tags
from bn_repro.training import percentiles

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
    num_steps: that the config asks for.
    diverged_between: the steps between which something stopped being finite.
  """
  tests = evaluated(history)
  best = _best(tests)
  last = tests[-1] if diverged_between is None else {}
  speed = 'steps_per_second'  # of a line whose steps were taken by one start
  speeds = [line[speed] for line in history if line['step'] > 0 and speed in line]
  summary = {
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
    'examples_per_second': config.batch_size * float(np.median(speeds or [np.nan])),
  }
  for tag, name in MORE_ACCURACIES.items():
    if tag in best:
      summary[name] = last.get(tag)
  if tags.OF_ALL_UNITS in best:
    summary['percentile_drift'] = percentiles.drift(tests)
  return summary


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
    patience: the share, 0 to 1, of the steps up to the last evaluation; False with 0.
    at_least: False before this step, too.
  """
  if not patience or not (tests := evaluated(history)):
    return False
  now = tests[-1]['step']
  return now >= at_least and now - _best(tests)['step'] >= patience * now


def _best(tests: list[dict]) -> dict:
  """The first evaluation of those with the highest test accuracy."""
  return max(tests, key=lambda line: line['test/accuracy'])
