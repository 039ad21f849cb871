"""Section 4.2.2: how networks are compared, by steps to a target and by accuracy.

One estimator for every table and claim. Steps: `learning_curve.crossing` of the
smoothed curve, and the censored model of `report.speed_up`, whose spread is pooled over
all networks. Accuracy: the mean over the last tenth of a run, or of its steps up to a
given one; its spread is pooled, too.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy import stats

from bn_repro.paper.section_4_2_networks import is_at_chance
from bn_repro.report import effects, learning_curve, speed_up, tables
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect
from bn_repro.report.intervals import Spread, pooled_deviation
from bn_repro.report.learning_curve import Crossing
from bn_repro.run.errors import UserError

# Inception's best evaluation is 79 %; at 75 % and 77 % its curve still rises.
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


def speed_up_of(
  networks: Networks, name: str, baseline: str, target: float = TARGET
) -> Effect | None:
  """Figure 3: steps of the baseline to the target over those of a network.

  None where neither reaches it.
  """
  if not any(number_reached(networks, key, target) for key in (name, baseline)):
    return None
  crossings = {
    key: [crossing(run, target) for run in runs] for key, runs in networks.items()
  }
  names = list(networks)
  runs = speed_up.runs_of(crossings)
  return effects.of_speed_up(runs, names.index(name), names.index(baseline))


def number_reached(networks: Networks, name: str, target: float) -> int:
  """How many runs of a network reach the target."""
  return len(_log_steps(networks[name], target))


def _log_steps(runs: list[Run], target: float) -> np.ndarray:
  """Of the runs that reach the target."""
  crossings = [crossing(run, target) for run in runs]
  return np.log([c.steps for c in crossings if not c.is_censored])


def accuracy_until(run: Run, step: float | None = None) -> float:
  """Mean validation accuracy over the last tenth of the steps up to one, 0 to 1.

  Args:
    run: with curves.
    step: None for the last step of the run.
  """
  steps = run.curves['step']
  kept = slice(None) if step is None else steps <= step
  return learning_curve.final_accuracy(steps[kept], run.curves['test_accuracy'][kept])


def final_accuracy(runs: list[Run]) -> str:
  """Mean and standard deviation over seeds; says how many diverged or never rose."""
  text = tables.percent(tables.over(runs, accuracy_until))
  failed = {
    'diverged': sum(run.summary['diverged'] for run in runs),
    'at chance': sum(map(is_at_chance, runs)),
  }
  remarks = ', '.join(f'{number} {name}' for name, number in failed.items() if number)
  return f'{text} ({remarks})' if remarks else text


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
    step: up to which both are compared; None for the end of each run.
  """
  first, second = (
    [accuracy_until(run, step) for run in networks[key]] for key in (name, other)
  )
  spread = accuracy_spread(networks.values(), step)
  return effects.scaled(effects.difference(first, second, spread), 100)


def accuracy_spread(groups: Iterable[list[Run]], step: float | None = None) -> Spread:
  """The standard deviation between seeds, 0 to 1, of runs that reach the step."""
  long_enough = (
    [run for run in runs if step is None or run.curves['step'][-1] >= step]
    for runs in groups
  )
  return pooled_deviation(
    [accuracy_until(run, step) for run in runs] for runs in long_enough if runs
  )


def spread_of_steps(networks: Networks, target: float = TARGET) -> Spread:
  """The standard deviation of log steps between seeds; of runs that arrive."""
  return pooled_deviation(_log_steps(runs, target) for runs in networks.values())


def equality_of_spreads(networks: Networks, target: float = TARGET) -> float | None:
  """p of Brown and Forsythe's test that all networks spread alike.

  None unless two networks have three seeds: with two seeds of a network the test has
  hardly any power.
  """
  groups = [_log_steps(runs, target) for runs in networks.values()]
  several = [group for group in groups if len(group) > 2]
  if len(several) < 2:
    return None
  return float(stats.levene(*several, center='median').pvalue)


def probability_of_improvement(
  networks: Networks, name: str, baseline: str, factors: np.ndarray,
  target: float = TARGET,
) -> np.ndarray:  # fmt: skip
  """The probability that a new run needs fewer than 1/f of a new baseline's steps.

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
  ours, theirs = (_log_steps(networks[key], target) for key in (name, baseline))
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
      networks_there = costs.setdefault(run.summary['device'], {})
      networks_there.setdefault(name, []).append(seconds)
  device = max(sorted(costs), key=lambda device: len(costs[device]))
  return device, {name: float(np.mean(v)) for name, v in costs[device].items()}


def values_and_errors(
  estimates: Sequence[Effect],
) -> tuple[np.ndarray, np.ndarray | None]:
  """Of symmetric intervals, for error bars; no errors unless all are known."""
  values = np.array([effect.value for effect in estimates])
  errors = np.array([effect.high - effect.value for effect in estimates])
  return values, None if np.isnan(errors).any() else errors
