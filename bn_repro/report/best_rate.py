"""The learning rate at which a network ends highest, and how well it is known."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from bn_repro.report import effects
from bn_repro.report.effects import Effect
from bn_repro.report.intervals import CONFIDENCE

# Runs at learning rates that are further from the best one than this factor say little
# of where the peak lies: accuracy falls steeply at one side and slowly at the other.
NEAR = 4.0


class BestRate(NamedTuple):
  """The vertex of a parabola of accuracy against the logarithm of the learning rate.

  Attributes:
    tried: of the learning rates that were tried the one with the best mean.
    accuracy: at the vertex, 0 to 1; without a vertex the best mean.
    log_rate: the vertex, a natural logarithm, with Fieller's interval; None where it
      is not known.
    parabola: accuracy against log rate, highest power first; None where not fitted.
    fitted: the lowest and the highest learning rate that were fitted.
  """

  tried: float
  accuracy: float
  log_rate: Effect | None
  parabola: np.ndarray | None
  fitted: tuple[float, float]

  @property
  def rate(self) -> Effect:
    """The best learning rate with its 95 % interval; without one the best tried."""
    if not self.log_rate:
      return effects.without_interval(self.tried)
    return effects.exponential(self.log_rate)


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
  vertex = _vertex(parabola, covariance, len(x) - 3)
  if not (vertex and x.min() < vertex.value < x.max()):
    return best._replace(parabola=parabola)
  peak = float(np.polyval(parabola, vertex.value))
  return best._replace(accuracy=peak, log_rate=vertex, parabola=parabola)


def _vertex(
  parabola: np.ndarray, covariance: np.ndarray, freedom: int
) -> Effect | None:
  """Where the parabola is highest; None unless it is bent downwards at 5 %.

  With the interval of Fieller (1954): all places at which a slope of 0 is not rejected.
  It has two ends just where the parabola is bent. That of the delta method, which has
  the vertex linear in the coefficients, is too narrow where the bend is uncertain.
  """
  bend, slope, _ = parabola
  quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom))
  if not bend < -quantile * math.sqrt(covariance[0, 0]):
    return None
  centre = float(-slope / (2 * bend))
  # At a distance d from the vertex the slope is 2 * bend * d plus that at the vertex.
  at_vertex = np.array([[1, 0, 0], [2 * centre, 1, 0]])
  of_both = at_vertex @ covariance @ at_vertex.T
  low, high = (centre + d for d in _ends(bend, of_both, quantile))

  def p_value(place: float) -> float:
    along = np.array([2 * (place - centre), 1])
    error = math.sqrt(along @ of_both @ along)
    if not error:
      return float(place == centre)
    return float(2 * stats.t.sf(abs(2 * bend * (place - centre)) / error, freedom))

  return Effect(centre, low, high, "Fieller's theorem", p_value)


def _ends(bend: float, covariance: np.ndarray, quantile: float) -> list[float]:
  """Distances from the vertex at which the slope is `quantile` errors from 0.

  `covariance` is of the bend and of the slope at the vertex, which is estimated as 0.
  """
  (of_bend, of_both), (_, of_slope) = quantile**2 * covariance
  surely = bend**2 - of_bend  # above 0 where the parabola is bent
  half = math.sqrt(of_both**2 + surely * of_slope)
  return [float(of_both + end) / (2 * surely) for end in (-half, half)]


def ratio(first: BestRate, second: BestRate) -> Effect | None:
  """The first best learning rate over the second; None unless both are known."""
  if not (first.log_rate and second.log_rate):
    return None
  one, other = first.log_rate, second.log_rate
  centre = one.value - other.value
  # Each end is as far from the centre as both ends of that side together (MOVER; Zou
  # and Donner, 2008): no interval is symmetric.
  low = centre - math.hypot(one.value - one.low, other.high - other.value)
  high = centre + math.hypot(one.high - one.value, other.value - other.low)
  return effects.exponential(effects.between(centre, low, high, 'MOVER'))
