"""How many times fewer steps one network needs than another (figure 3), with interval.

The log steps of a run are normal around the mean of its network, with one standard
deviation for all networks: an accelerated failure time model (Wei, 1992). A run that
ends before the target is censored: it needs more steps than it took. The module does
not know how the runs were trained.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from bn_repro.report.intervals import CONFIDENCE, Interval
from bn_repro.report.learning_curve import Crossing

_NEWTON_STEPS = 100
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


def runs_of(crossings: Mapping[str, Sequence[Crossing]]) -> Runs:
  """The runs of each network, numbered in the order of the mapping."""
  groups = crossings.values()
  steps, is_censored = zip(*(crossing for group in groups for crossing in group))
  networks = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
  return Runs(np.log(steps), np.array(is_censored), networks)


def fit(runs: Runs) -> Fit:
  """Maximum likelihood, by Newton's method.

  In Olsen's (1978) parameters, mean / deviation and 1 / deviation, the likelihood of a
  censored normal model is concave, so that there is one maximum. ValueError without a
  run that reached the target, or if no two runs of a network differ.
  """
  reached = np.unique(runs.network[~runs.is_censored])
  known = np.isin(runs.network, reached)
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
  number = len(runs.network)
  freedom = number - len(np.unique(runs.network))
  quantile = stats.t.ppf((1 + CONFIDENCE) / 2, freedom)
  return number * math.log1p(quantile**2 / freedom)


def speed_up(runs: Runs, network: int, baseline: int) -> Interval:
  """Steps of the baseline over those of a network, from the profile likelihood.

  Figure 3 gives the steps to 72.2 %; this is their ratio: 0 where no run of the network
  reached the target, infinite where none of the baseline did. Its 95 % interval ends at
  0 or infinity where the runs do not bound it. ValueError as `fit`, or if neither
  network reached the target.
  """
  mean = fit(runs).mean
  if np.isinf(mean[[network, baseline]]).all():
    raise ValueError('no run of the two networks reached the target')
  centre = mean[baseline] - mean[network]
  lost, limit = deviance(runs, network, baseline), largest_deviance(runs)
  excess = lambda log_ratio: lost(log_ratio) - limit
  low, high = (_end(excess, centre, sign) for sign in (-1, 1))
  return Interval(*np.exp([centre, low, high]))


def _end(excess: Callable[[float], float], centre: float, sign: int) -> float:
  """Where the deviance passes its limit, below (-1) or above (1) the centre."""
  far = sign * _LARGEST_LOG_RATIO
  if centre == sign * math.inf or excess(far) < 0:
    return sign * math.inf
  # Where no run of one network reached the target, the deviance falls towards that
  # side, and the other end is looked for from the far side.
  return optimize.brentq(excess, centre if math.isfinite(centre) else -far, far)
