"""Section 4.2.2: how networks are compared, by steps to a target and by accuracy.

One estimator for every table and claim. Steps: `report.speed_up.speed_up`. Accuracy:
the mean over the last tenth of a run, or of its steps up to a given one; its spread is
pooled over all networks.
"""

import json
import math
from collections.abc import Iterable

import numpy as np
from scipy import stats

from bn_repro.paper.section_4_2_networks import (
  PLAIN,
  SLOW_DECAY,
  Networks,
  is_at_chance,
)
from bn_repro.report import effects, tables
from bn_repro.report.collect import Run
from bn_repro.report.crossing import crossing
from bn_repro.report.effects import Effect
from bn_repro.report.intervals import Spread, pooled_deviation
from bn_repro.run import config as config_lib

# Inception's best evaluation is 79 %; at 75 % and 77 % its curve still rises.
TARGET = 0.75
HIGH_TARGET = 0.77
TARGETS = (0.4, 0.5, 0.6, 0.7, TARGET, HIGH_TARGET)
# The share of a run whose evaluations are averaged as its final accuracy.
LAST_PART = 0.1
COSTS = config_lib.PROJECT / 'results/benchmarks/networks.json'
# Networks that are the program of another one, with other hyperparameters.
SAME_PROGRAM = {'bn_x30': 'bn_x5', SLOW_DECAY: 'bn_x5'}
# Of the profile over all targets.
PROFILE = np.arange(0.40, 0.7801, 0.01)


def number_reached(networks: Networks, name: str, target: float) -> int:
  """How many runs of a network reach the target."""
  return len(_log_steps(networks[name], target))


def log_steps(run: Run, target: float) -> float:
  """The logarithm of the steps to a target; infinite where a run does not reach it."""
  steps, is_censored = crossing(run, target)
  return math.inf if is_censored else math.log(steps)


def _log_steps(runs: list[Run], target: float) -> np.ndarray:
  """Of the runs that reach the target."""
  values = tables.over(runs, lambda run: log_steps(run, target))
  return values[np.isfinite(values)]


def accuracy_until(run: Run, step: float = math.inf) -> float:
  """Mean validation accuracy over the last tenth of the steps up to one, 0 to 1.

  Of a run of the protocol that diverged its last evaluation up to there.
  """
  kept = run.curves['step'] <= step
  steps, accuracy = run.curves['step'][kept], run.curves['test_accuracy'][kept]
  is_open = bool(run.config.get('log_spaced_evaluations'))
  if is_open and run.diverged:
    return float(accuracy[-1])
  return of_last_part(steps, accuracy, is_open)


def of_last_part(steps: np.ndarray, accuracy: np.ndarray, is_open: bool) -> float:
  """The mean accuracy over the last tenth of the steps, 0 to 1.

  Figure 3 gives the maximum, which is chosen on the images that it is measured on; this
  is not. `is_open`: without an evaluation just where the last tenth begins; in the
  protocol's runs that is the last log-spaced one, before the five that count.
  """
  first = (1 - LAST_PART) * steps[-1]
  return float(np.mean(accuracy[steps > first if is_open else steps >= first]))


def at_end(run: Run, curve: np.ndarray) -> float:
  """The mean of a curve, `[evaluations]`, over the last five, of the protocol's runs.

  Of one that diverged the last evaluation that is finite, which may be that of the
  initial weights.
  """
  if run.diverged:
    return float(curve[-1])
  return of_last_part(run.curves['step'], curve, is_open=True)


def accuracies(runs: list[Run], step: float = math.inf) -> list[float]:
  """`accuracy_until` of each run."""
  return [accuracy_until(run, step) for run in runs]


def final_accuracy(runs: list[Run]) -> str:
  """Mean and standard deviation over seeds; says how many diverged or never rose."""
  text = tables.percent(tables.over(runs, accuracy_until))
  failed = {
    'diverged': sum(run.diverged for run in runs),
    'at chance': sum(map(is_at_chance, runs)),
  }
  remarks = ', '.join(f'{number} {name}' for name, number in failed.items() if number)
  return f'{text} ({remarks})' if remarks else text


def common_step(*groups: Iterable[Run]) -> float:
  """The last step that all runs have."""
  return min(last_step(run) for group in groups for run in group)


def last_step(run: Run) -> float:
  """The step at which a run ends; of one that diverged, at which it should have ended.

  It counts there with its last evaluation: at the step at which it was lost the others
  would be compared too early.
  """
  return float(run.summary['num_steps'] if run.diverged else run.curves['step'][-1])


def accuracy_difference(
  networks: Networks, name: str, other: str, step: float
) -> Effect:
  """The accuracy of a network less that of another, in points, both up to a step."""
  first, second = (accuracies(networks[key], step) for key in (name, other))
  spread = accuracy_spread(networks.values(), step)
  return effects.points_between(first, second, spread)


def accuracy_spread(groups: Iterable[list[Run]], step: float = math.inf) -> Spread:
  """The standard deviation between seeds, 0 to 1, of runs that reach a finite step."""
  least = step if math.isfinite(step) else 0
  return pooled_deviation(
    accuracies([run for run in runs if last_step(run) >= least], step)
    for runs in groups
  )


def spread_of_steps(networks: Networks, target: float) -> Spread:
  """The standard deviation of log steps between seeds; of runs that arrive."""
  return pooled_deviation(_log_steps(runs, target) for runs in networks.values())


def equality_of_spreads(networks: Networks) -> float | None:
  """p of Brown and Forsythe's test that log steps to `TARGET` spread alike.

  None unless two networks have three seeds: with two seeds of a network the test has
  hardly any power.
  """
  groups = [_log_steps(runs, TARGET) for runs in networks.values()]
  several = [group for group in groups if len(group) > 2]
  if len(several) < 2:
    return None
  return float(stats.levene(*several, center='median').pvalue)


def probability_of_improvement(
  networks: Networks, name: str, baseline: str, factors: np.ndarray
) -> np.ndarray:
  """The probability that a new run needs fewer than 1/f of a new baseline's steps.

  For each f of `[factors]`, to `TARGET`, which all runs of both networks reach. By the
  predictive distribution of the difference of two log steps, Student's t with the
  pooled spread.
  """
  ours, theirs = (_log_steps(networks[key], TARGET) for key in (name, baseline))
  spread = spread_of_steps(networks, TARGET)
  error = spread.deviation * np.sqrt(2 + 1 / len(ours) + 1 / len(theirs))
  above = theirs.mean() - ours.mean() - np.log(factors)
  return stats.t.cdf(above / error, spread.freedom)


def seconds_per_step() -> tuple[str, dict[str, float]]:
  """A machine, and what a training step of each network takes there.

  Measured side by side by scripts/benchmarks/networks.py: runs were trained on several
  machines, most of them beside other work.
  """
  page = json.loads(COSTS.read_text())
  rows = {row['network']: row for row in page['table']}
  # By ratios within a round, in which a slow minute of the machine cancels.
  plain = rows[PLAIN]['milliseconds a step'] / 1e3
  seconds = {name: plain * row["times Inception's"] for name, row in rows.items()}
  others = {name: seconds[same] for name, same in SAME_PROGRAM.items()}
  return page['device'], seconds | others
