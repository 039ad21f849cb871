"""Figure 3: how many times fewer steps one network needs than another, with interval.

`speed_up` is the one estimator of every table and claim that says so. `crossing` gives
the steps of a run to the target. Their logarithms are normal around the mean of the
network, with one standard deviation for all networks: an accelerated failure time model
(Wei, 1992). A run that ends before the target is censored: it needs more steps than it
took.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from bn_repro.report import effects
from bn_repro.report.collect import Run
from bn_repro.report.crossing import Crossing, crossing
from bn_repro.report.effects import Effect
from bn_repro.report.intervals import CONFIDENCE

CENSORED = 'censored log-normal model'
_NEWTON_STEPS = 100
_LEAST_DIFFERENCE = 1e-9  # of log steps; less is rounding
_LARGEST_LOG_RATIO = math.log(1e6)
_LOG_ROOT_2_PI = 0.5 * math.log(2 * math.pi)


class Runs(NamedTuple):
  """Runs of several networks that were trained towards one target, each `[runs]`.

  `network` counts from 0; `log_steps` are of the last step where a run is censored.
  """

  log_steps: np.ndarray
  is_censored: np.ndarray
  network: np.ndarray


class Fit(NamedTuple):
  """The most likely mean, `[networks]`, and standard deviation of the log steps.

  A mean is infinite where no run of the network reached the target.
  """

  log_likelihood: float
  mean: np.ndarray
  deviation: float


def speed_up(
  networks: Mapping[str, Sequence[Run]], name: str, baseline: str, target: float,
  higher: float = 0.0,
) -> Effect:  # fmt: skip
  """Steps of the baseline to the target over those of a network.

  The spread is pooled over all `networks`; without one there is no interval. NaN where
  neither of the two arrives, and then the others are not looked at. UserError as
  `crossing`. The network is asked for an accuracy that is `higher` than the target.
  """
  crossings = lambda key: [
    crossing(run, target + higher * (key == name)) for run in networks[key]
  ]
  both = {key: crossings(key) for key in (name, baseline)}
  if all(c.is_censored for of_one in both.values() for c in of_one):
    return effects.between(math.nan, 0.0, math.inf, CENSORED)
  names = list(networks)
  runs = runs_of({key: both.get(key) or crossings(key) for key in names})
  pair = names.index(name), names.index(baseline)
  return ratio_of_steps(runs, *pair) if _differ(runs) else _without_spread(runs, *pair)


def _differ(runs: Runs) -> bool:
  """Whether two runs of one network differ, if a run of that network arrives."""
  arrives = _of_networks_that_arrive(runs)
  groups = (runs.log_steps[runs.network == n] for n in {*runs.network[arrives]})
  return any(np.ptp(group) > _LEAST_DIFFERENCE for group in groups)


def _without_spread(runs: Runs, network: int, baseline: int) -> Effect:
  """As `ratio_of_steps` where no two runs differ, such as one run of each network."""
  steps = np.where(runs.is_censored, np.inf, runs.log_steps)
  ours, theirs = (float(steps[runs.network == n].mean()) for n in (network, baseline))
  if math.isinf(ours) or math.isinf(theirs):
    return effects.between(math.exp(theirs - ours), 0.0, math.inf, CENSORED)
  return effects.without_interval(math.exp(theirs - ours))


def runs_of(crossings: Mapping[str, Sequence[Crossing]]) -> Runs:
  """The runs of each network, numbered in the order of the mapping."""
  groups = crossings.values()
  steps, is_censored = zip(*(crossing for group in groups for crossing in group))
  networks = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
  return Runs(np.log(steps), np.array(is_censored), networks)


def ratio_of_steps(runs: Runs, network: int, baseline: int) -> Effect:
  """Steps of the baseline over those of a network, from the profile likelihood.

  0 where no run of the network reached the target, infinite where none of the baseline
  did. The 95 % interval ends at 0 or infinity where the runs do not bound it.
  ValueError as `fit`, or if neither network reached the target.
  """
  mean = fit(runs).mean
  if np.isinf(mean[[network, baseline]]).all():
    raise ValueError('no run of the two networks reached the target')
  centre = mean[baseline] - mean[network]
  lost, limit = deviance(runs, network, baseline), largest_deviance(runs)
  excess = lambda log_ratio: lost(log_ratio) - limit
  low, high = (_end(excess, centre, sign) for sign in (-1, 1))

  def p_value(ratio: float) -> float:
    number, freedom = _number_and_freedom(runs)
    t = math.sqrt(freedom * math.expm1(max(lost(math.log(ratio)), 0.0) / number))
    return float(2 * stats.t.sf(t, freedom))

  return Effect(*np.exp([centre, low, high]), CENSORED, p_value)


def _number_and_freedom(runs: Runs) -> tuple[int, int]:
  """Of the runs that say how far log steps spread."""
  networks = runs.network[_of_networks_that_arrive(runs)]
  return len(networks), len(networks) - len(np.unique(networks))


def _of_networks_that_arrive(runs: Runs) -> np.ndarray:
  """Which runs are of a network of which one reached the target, `[runs]`."""
  return np.isin(runs.network, runs.network[~runs.is_censored])


def _end(excess: Callable[[float], float], centre: float, sign: int) -> float:
  """Where the deviance passes its limit, below (-1) or above (1) the centre."""
  far = sign * _LARGEST_LOG_RATIO
  if centre == sign * math.inf or excess(far) < 0:
    return sign * math.inf
  # Where no run of one network reached the target, the deviance falls towards that
  # side, and the other end is looked for from the far side.
  return optimize.brentq(excess, centre if math.isfinite(centre) else -far, far)


def deviance(runs: Runs, network: int, baseline: int) -> Callable[[float], float]:
  """Twice the log-likelihood that is lost, as a function of the log speed-up.

  With the log steps of the network shifted by it, both networks have one mean.
  """
  best = fit(runs)
  merged = np.where(runs.network == network, baseline, runs.network)

  def lost(log_ratio: float) -> float:
    shifted = runs.log_steps + log_ratio * (runs.network == network)
    restricted = fit(Runs(shifted, runs.is_censored, merged))
    return 2 * (best.log_likelihood - restricted.log_likelihood)

  return lost


def largest_deviance(runs: Runs) -> float:
  """The deviance at the ends of the 95 % interval.

  Without censoring this gives exactly the interval of Student's t with the pooled
  standard deviation: the deviance of a normal model is n log(1 + t^2 / freedom).
  """
  number, freedom = _number_and_freedom(runs)
  quantile = stats.t.ppf((1 + CONFIDENCE) / 2, freedom)
  return number * math.log1p(quantile**2 / freedom)


def fit(runs: Runs) -> Fit:
  """Maximum likelihood, by Newton's method.

  In Olsen's (1978) parameters, mean / deviation and 1 / deviation, the likelihood of a
  censored normal model is concave, so that there is one maximum. ValueError without a
  run that reached the target, or if no two runs of a network differ.
  """
  reached = np.unique(runs.network[~runs.is_censored])
  known = _of_networks_that_arrive(runs)
  if not known.any():
    raise ValueError('no run reached the target')
  y, censored = runs.log_steps[known], runs.is_censored[known]
  design = (runs.network[known][:, None] == reached).astype(float)
  parameters, value = _maximum(y, censored, design)
  mean = np.full(runs.network.max() + 1, np.inf)
  mean[reached] = parameters[:-1] / parameters[-1]
  return Fit(value, mean, 1 / parameters[-1])


def _maximum(y, censored, design) -> tuple[np.ndarray, float]:
  """The parameters that make the runs most likely, and their log-likelihood."""
  mean = design.T @ y / design.sum(0)
  deviation = float(np.sqrt(np.mean((y - design @ mean) ** 2)))
  if deviation < 1e-12:
    raise ValueError('runs of one network do not differ: their spread is unknown')
  parameters = np.append(mean, 1) / deviation
  value = _log_likelihood(parameters, y, censored, design)
  for _ in range(_NEWTON_STEPS):
    direction, size = _newton_direction(parameters, y, censored, design), 1.0
    while (
      new := _log_likelihood(parameters + size * direction, y, censored, design)
    ) < value:
      size /= 2
      if size < 1e-9:
        return parameters, value
    parameters, gain, value = parameters + size * direction, new - value, new
    if gain < 1e-11:
      break
  return parameters, value


def _log_likelihood(parameters, y, censored, design) -> float:
  """The sum of log densities, and of log probabilities of more steps."""
  *_, inverse = parameters
  if inverse <= 0:
    return -math.inf
  z = inverse * y - design @ parameters[:-1]
  density = math.log(inverse) - z * z / 2 - _LOG_ROOT_2_PI
  return float(np.sum(np.where(censored, special.log_ndtr(-z), density)))


def _newton_direction(parameters, y, censored, design) -> np.ndarray:
  inverse, rows = parameters[-1], np.column_stack([-design, y])
  z = rows @ parameters
  hazard = np.exp(-z * z / 2 - _LOG_ROOT_2_PI - special.log_ndtr(-z))
  first = np.where(censored, -hazard, -z)
  second = np.where(censored, -hazard * (hazard - z), -1.0)
  number = np.sum(~censored)
  gradient, hessian = rows.T @ first, (rows.T * second) @ rows
  gradient[-1] += number / inverse
  hessian[-1, -1] -= number / inverse**2
  return -np.linalg.solve(hessian, gradient)
