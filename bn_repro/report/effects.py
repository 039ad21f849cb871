"""What was measured for a claim: a value, its 95 % interval, and a test of any margin.

Does not know what the values are.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from bn_repro.report import intervals, tables
from bn_repro.report import speed_up as speed_up_lib
from bn_repro.report.intervals import Interval, Spread
from bn_repro.report.speed_up import Runs


class Effect(NamedTuple):
  """An estimate.

  Attributes:
    value, low, high: the estimate and its 95 % interval; a bound that is not known is
      NaN, one that the data do not give is infinite (or 0 of a ratio).
    test: its name.
    p_value: two-sided p of the hypothesis that the effect is exactly the argument; NaN
      where there is no test.
    inner: the 90 % interval, for two one-sided tests at 5 %.
  """

  value: float
  low: float
  high: float
  test: str
  p_value: Callable[[float], float]
  inner: tuple[float, float]

  def text(self, form: str = '{:.1f}', unit: str = '') -> str:
    """Such as '2.1 points (1.9 to 2.3)'; of a ratio with one bound 'at most 2.2'.

    Arguments as those of `tables.interval`.
    """
    if self.value == self.low == 0 < self.high:
      return f'at most {self.high:.2g}{unit}'
    if self.value == self.high == math.inf:
      return f'at least {self.low:.2g}{unit}'
    return tables.interval(Interval(self.value, self.low, self.high), form, unit)


def of_values(values: Sequence[float]) -> Effect:
  """The mean of independent values, `[n]`, by Student's t; no interval for n = 1."""
  if len(values) < 2:
    return without_interval(float(np.mean(values)))
  error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
  return _student(float(np.mean(values)), error, len(values) - 1, "Student's t")


def of_ratios(values: Sequence[float]) -> Effect:
  """The geometric mean of positive values, `[n]`, by Student's t of their logs."""
  return exponential(of_values(np.log(values)))


def difference(
  first: Sequence[float], second: Sequence[float], spread: Spread
) -> Effect:
  """The mean of the first less that of the second, with a spread that is pooled."""
  return contrast([(1.0, first), (-1.0, second)], spread)


def welch(first: Sequence[float], second: Sequence[float]) -> Effect:
  """The difference of two means whose spreads may differ (Welch, 1947)."""
  variances = [
    float(np.var(values, ddof=1)) / len(values) for values in (first, second)
  ]
  squares = sum(v**2 / (len(x) - 1) for v, x in zip(variances, (first, second)))
  freedom = sum(variances) ** 2 / squares
  value = float(np.mean(first) - np.mean(second))
  return _student(value, math.sqrt(sum(variances)), freedom, "Welch's t")


def contrast(groups: Iterable[tuple[float, Sequence[float]]], spread: Spread) -> Effect:
  """A weighted sum of means of groups, with the standard deviation of single values.

  Args:
    groups: weight and values of each.
    spread: of single values, as `intervals.pooled_deviation` gives it.
  """
  groups = [*groups]
  value = sum(weight * float(np.mean(values)) for weight, values in groups)
  variance = sum(weight**2 / len(values) for weight, values in groups)
  error = spread.deviation * math.sqrt(variance)
  return of_estimate(value, Spread(error, spread.freedom))


def of_estimate(value: float, error: Spread) -> Effect:
  """A value with its standard error; without degrees of freedom without an interval."""
  if not error.freedom:
    return without_interval(value)
  return _student(value, error.deviation, error.freedom, "Student's t, pooled spread")


def of_two_shares(first: float, second: float, number: int) -> Effect:
  """The difference of two shares of the same number of examples, taken as independent.

  Conservative where both are of the same examples and agree on most.
  """
  error = math.sqrt((first * (1 - first) + second * (1 - second)) / number)
  return _student(first - second, error, number - 1, 'two proportions, unpaired')


def of_speed_up(runs: Runs, network: int, baseline: int) -> Effect:
  """The speed-up of one network over another; infinite or 0 where one never arrives."""
  estimate = speed_up_lib.speed_up(runs, network, baseline)
  freedom = len(runs.network) - len(np.unique(runs.network))

  def p_value(ratio: float) -> float:
    lost = speed_up_lib.deviance(runs, network, baseline, math.log(ratio))
    t = math.sqrt(freedom * math.expm1(max(lost, 0.0) / len(runs.network)))
    return float(2 * stats.t.sf(t, freedom))

  return Effect(*estimate, 'censored log-normal model', p_value, (math.nan,) * 2)


def between(value: float, low: float, high: float, test: str) -> Effect:
  """A value that is known to lie between two; without a test."""
  return Effect(value, low, high, test, lambda _: math.nan, (low, high))


def without_interval(value: float) -> Effect:
  """A value of which nothing more is known."""
  return between(value, math.nan, math.nan, 'none')


def exactly(value: float) -> Effect:
  """A value that follows from the numbers themselves, up to rounding."""
  return between(value, value, value, 'numerical identity')


def exponential(effect: Effect) -> Effect:
  """The effect whose logarithm this is."""
  value, low, high = map(math.exp, effect[:3])
  inner = tuple(map(math.exp, effect.inner))
  return Effect(
    value, low, high, effect.test, lambda x: effect.p_value(math.log(x)), inner
  )


def scaled(effect: Effect, factor: float) -> Effect:
  """The effect in another unit, such as points for shares; or its negative."""
  low, high = sorted(factor * number for number in (effect.low, effect.high))
  inner = tuple(sorted(factor * number for number in effect.inner))
  p_value = lambda margin: effect.p_value(margin / factor)
  return Effect(factor * effect.value, low, high, effect.test, p_value, inner)


def _student(value: float, error: float, freedom: float, test: str) -> Effect:
  def p_value(margin: float) -> float:
    if not error:
      return float(value == margin)
    return float(2 * stats.t.sf(abs(value - margin) / error, freedom))

  _, low, high = intervals.around(value, error, freedom)
  half = float(stats.t.ppf(0.95, freedom)) * error
  return Effect(value, low, high, test, p_value, (value - half, value + half))
