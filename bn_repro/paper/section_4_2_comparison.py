"""How the networks of section 4.2.2 are compared: steps to a target, and accuracy.

One estimator for every table and claim. Steps: `learning_curve.crossing` of the
smoothed curve, and the censored model of `speed_up`, whose spread is pooled over all
networks. Accuracy: the mean over the last tenth of a run, or of its first so many
steps, whose spread is pooled, too.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from scipy import stats

from bn_repro.report import effects, learning_curve, speed_up
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect
from bn_repro.report.intervals import Spread, pooled_deviation
from bn_repro.report.learning_curve import Crossing
from bn_repro.run.errors import UserError

# Of the plain network's 79 %; at 75 % and 77 % its curve is not yet flat.
TARGET = 0.75
HIGH_TARGET = 0.77
TARGETS = (0.4, 0.5, 0.6, 0.7, TARGET, HIGH_TARGET)
# Of the profile over all targets.
PROFILE = np.arange(0.40, 0.7801, 0.01)
Networks = Mapping[str, list[Run]]


def crossing(run: Run, target: float) -> Crossing:
  """When a run reaches a validation accuracy.

  Raises:
    UserError: as `learning_curve.crossing`; names the run.
  """
  try:
    curves = run.curves
    return learning_curve.crossing(curves['step'], curves['test_accuracy'], target)
  except UserError as error:
    raise UserError(f'{run.name}: {error}') from error


def crossings(networks: Networks, target: float) -> dict[str, list[Crossing]]:
  """When each run of each network reaches a validation accuracy."""
  return {
    name: [crossing(run, target) for run in runs] for name, runs in networks.items()
  }


def speed_up_of(
  networks: Networks, name: str, baseline: str, target: float = TARGET
) -> Effect | None:
  """Steps of the baseline to the target over those of a network.

  None where neither reaches it.
  """
  groups = crossings(networks, target)
  reached = [not c.is_censored for key in (name, baseline) for c in groups[key]]
  if not any(reached):
    return None
  names = list(groups)
  runs = speed_up.runs_of(groups)
  return effects.of_speed_up(runs, names.index(name), names.index(baseline))


def number_reached(networks: Networks, name: str, target: float) -> int:
  """How many runs of a network reach the target."""
  return sum(not crossing(run, target).is_censored for run in networks[name])


def accuracy_until(run: Run, step: float | None = None) -> float:
  """Mean validation accuracy over the last tenth of the steps up to one, 0 to 1.

  Args:
    run: with curves.
    step: None for the last step of the run.
  """
  steps = run.curves['step']
  kept = slice(None) if step is None else steps <= step
  return learning_curve.final_accuracy(steps[kept], run.curves['test_accuracy'][kept])


def common_step(*groups: Iterable[Run]) -> float:
  """The last step that all runs have."""
  return min(float(run.curves['step'][-1]) for group in groups for run in group)


def accuracy_difference(
  networks: Networks, name: str, other: str, step: float | None = None
) -> Effect:
  """The accuracy of a network less that of another, in points.

  Args:
    networks: over which the spread between seeds is pooled.
    name, other: of two of them.
    step: up to which both are looked at; None for the end of each run.
  """
  first, second = (
    [accuracy_until(run, step) for run in networks[key]] for key in (name, other)
  )
  spread = accuracy_spread(networks, step)
  return effects.scaled(effects.difference(first, second, spread), 100)


def accuracy_spread(networks: Networks, step: float | None = None) -> Spread:
  """The standard deviation between seeds, 0 to 1, of runs that go to the step."""
  far_enough = (
    [run for run in runs if step is None or run.curves['step'][-1] >= step]
    for runs in networks.values()
  )
  return pooled_deviation(
    [accuracy_until(run, step) for run in runs] for runs in far_enough if runs
  )


def spread_of_steps(networks: Networks, target: float = TARGET) -> Spread:
  """The standard deviation of log steps between seeds; of runs that arrive."""
  groups = (
    [np.log(c.steps) for c in group if not c.is_censored]
    for group in crossings(networks, target).values()
  )
  return pooled_deviation(group for group in groups if group)


def equality_of_spreads(networks: Networks, target: float = TARGET) -> float:
  """p of Brown and Forsythe's test that all networks spread alike; NaN if untestable.

  With two seeds of a network it has hardly any power; three are the least to ask for.
  """
  groups = [
    [np.log(c.steps) for c in group if not c.is_censored]
    for group in crossings(networks, target).values()
  ]
  several = [group for group in groups if len(group) > 2]
  if len(several) < 2:
    return float('nan')
  return float(stats.levene(*several, center='median').pvalue)


def probability_of_improvement(
  networks: Networks, name: str, baseline: str, factors: np.ndarray,
  target: float = TARGET,
) -> np.ndarray:  # fmt: skip
  """That a new run of a network needs fewer than 1/f of a new baseline's steps.

  By the predictive distribution of the difference of two log steps, Student's t with
  the pooled spread.

  Args:
    networks: as `speed_up_of`.
    name, baseline: of two of them, all of whose runs reach the target.
    factors: `[factors]`, f.
    target: validation accuracy, 0 to 1.

  Returns:
    `[factors]` float64, 0 to 1.
  """
  groups = crossings(networks, target)
  ours, theirs = (np.log([c.steps for c in groups[key]]) for key in (name, baseline))
  spread = spread_of_steps(networks, target)
  error = spread.deviation * np.sqrt(2 + 1 / len(ours) + 1 / len(theirs))
  above = theirs.mean() - ours.mean() - np.log(factors)
  return stats.t.cdf(above / error, spread.freedom)


def seconds_per_step(networks: Networks) -> tuple[str, dict[str, float]]:
  """What a step of each network costs on the machine that trained most of them.

  Returns:
    The machine, and seconds of training alone by network, as far as measured there.
  """
  costs: dict[str, dict[str, list[float]]] = {}
  for name, runs in networks.items():
    for run in runs:
      seconds = run.config['batch_size'] / run.summary['examples_per_second']
      of_device = costs.setdefault(run.summary['device'], {})
      of_device.setdefault(name, []).append(seconds)
  device = max(sorted(costs), key=lambda device: len(costs[device]))
  return device, {name: float(np.mean(of)) for name, of in costs[device].items()}
