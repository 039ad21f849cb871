"""An effect measured for a claim: value, 95 % interval, and a test of any margin."""

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from bn_repro.report import intervals, tables
from bn_repro.report.intervals import Spread

_LARGEST_LOG = math.log(sys.float_info.max)


class Effect(NamedTuple):
  """An estimate with its 95 % interval and the name of its test.

  A bound is NaN where it is not known, and infinite (or 0 of a ratio) where the data
  give none. `p_value(x)` is the two-sided p of the hypothesis that the effect is x, or
  NaN without a test.
  """

  value: float
  low: float
  high: float
  test: str
  p_value: Callable[[float], float]

  def text(self, form: str = '{:.1f}', unit: str = '') -> str:
    """As `tables.interval`; of a ratio with one bound such as 'at most 2.2 times'."""
    if self.low == 0 and self.high == math.inf:
      return 'not bounded'
    if self.value == self.low == 0 < self.high:
      return f'at most {self.high:.2g}{unit}'
    if self.value == self.high == math.inf:
      return f'at least {self.low:.2g}{unit}'
    return tables.interval(self[:3], form, unit)


def of_values(values: Sequence[float]) -> Effect:
  """The mean of independent values, `[n]`, by Student's t; no interval for n = 1."""
  error = intervals.error_of_mean(values)
  return _student(float(np.mean(values)), *error, "Student's t")


def of_ratios(values: Sequence[float]) -> Effect:
  """The geometric mean of positive values, `[n]`, by Student's t of their logs."""
  return exponential(of_values(np.log(values)))


def points_between(
  first: Sequence[float], second: Sequence[float], spread: Spread
) -> Effect:
  """The first mean of shares less the second, in points; `spread` is of single ones."""
  return scaled(contrast([(1.0, first), (-1.0, second)], spread), 100)


def welch(first: Sequence[float], second: Sequence[float]) -> Effect:
  """Difference of two means (Welch, 1947); no interval if one is of a single value."""
  groups, value = (first, second), float(np.mean(first) - np.mean(second))
  if min(map(len, groups)) < 2:
    return without_interval(value)
  variances = [float(np.var(values, ddof=1)) / len(values) for values in groups]
  squares = sum(v**2 / (len(x) - 1) for v, x in zip(variances, groups))
  # Without any spread, every number of degrees gives the same interval.
  freedom = sum(variances) ** 2 / squares if squares else 1
  return _student(value, math.sqrt(sum(variances)), freedom, "Welch's t")


def contrast(groups: Iterable[tuple[float, Sequence[float]]], spread: Spread) -> Effect:
  """A weighted sum of the means of groups; the spread is that of single values."""
  groups = [*groups]
  value = sum(weight * float(np.mean(values)) for weight, values in groups)
  variance = sum(weight**2 / len(values) for weight, values in groups)
  error = spread.deviation * math.sqrt(variance)
  return of_estimate(value, Spread(error, spread.freedom))


def of_estimate(value: float, error: Spread) -> Effect:
  """A value with its standard error; no interval without degrees of freedom."""
  return _student(value, *error, "Student's t, pooled spread")


def of_two_shares(first: float, second: float, number: int) -> Effect:
  """The difference of two shares of the same number of examples, taken as independent.

  Conservative where both are of the same examples and agree on most.
  """
  error = math.sqrt((first * (1 - first) + second * (1 - second)) / number)
  return _student(first - second, error, number - 1, 'two proportions, unpaired')


def of_few(number: int, of: int) -> Effect:
  """The share of successes among few independent trials, 0 to 1."""
  p_value = lambda share: float(stats.binomtest(number, of, share).pvalue)
  exact = intervals.of_share(number, of, 'exact')
  return Effect(*exact, "Clopper and Pearson's interval", p_value)


def between(value: float, low: float, high: float, test: str) -> Effect:
  """A value that is known to lie between two; without a test."""
  return Effect(value, low, high, test, lambda _: math.nan)


def without_interval(value: float) -> Effect:
  """A value of which nothing more is known."""
  return between(value, math.nan, math.nan, 'none')


def exactly(value: float) -> Effect:
  """A value that follows from the numbers themselves, up to rounding."""
  return between(value, value, value, 'numerical identity')


def exponential(effect: Effect) -> Effect:
  """The effect whose logarithm this is; infinite where that is too large a number."""
  return _transformed(effect, _exp, math.log)


def _exp(x: float) -> float:
  return math.exp(x) if not x > _LARGEST_LOG else math.inf


def scaled(effect: Effect, factor: float) -> Effect:
  """The effect in another unit, such as points for shares; or its negative."""
  return _transformed(effect, lambda x: factor * x, lambda x: x / factor)


def _transformed(effect: Effect, there, back) -> Effect:
  """By a monotonic function and its inverse."""
  low, high = sorted(map(there, (effect.low, effect.high)))
  p_value = lambda margin: effect.p_value(back(margin))
  return Effect(there(effect.value), low, high, effect.test, p_value)


def _student(value: float, error: float, freedom: float, test: str) -> Effect:
  if not freedom:
    return without_interval(value)

  def p_value(margin: float) -> float:
    if not error:
      return float(value == margin)
    return float(2 * stats.t.sf(abs(value - margin) / error, freedom))

  return Effect(*intervals.around(value, error, freedom), test, p_value)
