"""The learning rate at which a network ends highest, and how well it is known.

Does not know how the runs were trained.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from bn_repro.report import effects
from bn_repro.report.effects import Effect
from bn_repro.report.intervals import Spread

# Runs at learning rates that are further from the best one than this factor say little
# of where the peak lies: accuracy falls steeply at one side and slowly at the other.
NEAR = 4.0


class BestRate(NamedTuple):
  """The vertex of a parabola of accuracy against the logarithm of the learning rate.

  Attributes:
    tried: of the learning rates that were tried the one with the best mean.
    accuracy: at the vertex, 0 to 1; without a vertex the best mean.
    log_rate: the vertex with its standard error; None where it is not known.
    parabola: accuracy against log rate, highest power first; None where not fitted.
    fitted: the lowest and the highest learning rate that were fitted.
  """

  tried: float
  accuracy: float
  log_rate: tuple[float, Spread] | None
  parabola: np.ndarray | None
  fitted: tuple[float, float]

  @property
  def rate(self) -> Effect:
    """The best learning rate with its 95 % interval; without one the best tried."""
    if not self.log_rate:
      return effects.without_interval(self.tried)
    return effects.exponential(effects.of_estimate(*self.log_rate))


def best_rate(accuracies: Mapping[float, Sequence[float]]) -> BestRate:
  """From the accuracies, 0 to 1, of some runs at each learning rate.

  The parabola is fitted to learning rates within a factor of `NEAR` of the one with the
  best mean, if there are three. A vertex is known only between learning rates that were
  tried, and where the parabola is bent downwards at 5 %. Learning rates of which a run
  failed are to be left out: a cliff is no parabola.
  """
  tried = max(accuracies, key=lambda rate: np.mean(accuracies[rate]))
  is_near = lambda rate: abs(math.log(rate / tried)) < 1.001 * math.log(NEAR)
  near = {rate: values for rate, values in accuracies.items() if is_near(rate)}
  best = BestRate(
    tried, float(np.mean(near[tried])), None, None, (min(near), max(near))
  )
  x = np.log(np.repeat([*near], [len(values) for values in near.values()]))
  if len(near) < 3 or len(x) < 4:
    return best
  parabola, covariance = np.polyfit(x, np.concatenate([*near.values()]), 2, cov=True)
  best = best._replace(parabola=parabola)
  bend, slope, constant = parabola
  vertex = -slope / (2 * bend)
  freedom = len(x) - 3
  is_bent = bend < stats.t.ppf(0.025, freedom) * math.sqrt(covariance[0, 0])
  if not (is_bent and min(near) < math.exp(vertex) < max(near)):
    return best
  gradient = np.array([slope / (2 * bend**2), -1 / (2 * bend), 0.0])
  error = Spread(math.sqrt(gradient @ covariance @ gradient), freedom)
  peak = float(constant + slope * vertex / 2)
  return best._replace(accuracy=peak, log_rate=(float(vertex), error))


def ratio(first: BestRate, second: BestRate) -> Effect | None:
  """The first best learning rate over the second; None unless both are known."""
  if not (first.log_rate and second.log_rate):
    return None
  (one, error), (other, other_error) = first.log_rate, second.log_rate
  deviation = math.hypot(error.deviation, other_error.deviation)
  freedom = error.freedom + other_error.freedom
  return effects.exponential(
    effects.of_estimate(one - other, Spread(deviation, freedom))
  )
