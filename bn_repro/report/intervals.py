"""Means and shares with 95 % intervals.

Those of a few values are Student's t: with three seeds wide, as they ought to be. Those
of shares are Wilson's, of many examples, or, of few trials, Clopper and Pearson's.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


class Interval(NamedTuple):
  """A mean and the interval that holds what it estimates; NaN where unknown."""

  mean: float
  low: float
  high: float


class Spread(NamedTuple):
  """A standard deviation, of single values or of a mean, and its degrees of freedom."""

  deviation: float
  freedom: int


def of_mean(values: Sequence[float]) -> Interval:
  """The mean of independent values, `[n]`; without an interval for n = 1."""
  return around(float(np.mean(values)), *error_of_mean(values))


def error_of_mean(values: Sequence[float]) -> Spread:
  """The standard error of the mean of independent values, `[n]`; NaN for n = 1."""
  if len(values) < 2:
    return Spread(math.nan, 0)
  deviation = float(np.std(values, ddof=1))
  return Spread(deviation / math.sqrt(len(values)), len(values) - 1)


def of_share(number: int, of: int, method: str = 'wilson') -> Interval:
  """The share of successes among independent trials, 0 to 1 (Wilson, 1927).

  With few trials that of Wilson misses the share too often: 'exact' is that of Clopper
  and Pearson (1934), which contains it in 95 % at least.
  """
  result = stats.binomtest(number, of).proportion_ci(CONFIDENCE, method=method)
  return Interval(number / of, float(result.low), float(result.high))


def around(mean: float, deviation: float, freedom: float) -> Interval:
  """From the standard error of a mean and its degrees of freedom; NaN without any."""
  half = stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * deviation
  return Interval(mean, mean - half, mean + half)


def pooled_deviation(groups: Iterable[Sequence[float]]) -> Spread:
  """The standard deviation within groups of two values or more; NaN without any."""
  several = [np.asarray(values) for values in groups if len(values) > 1]
  freedom = sum(len(values) - 1 for values in several)
  if not freedom:
    return Spread(math.nan, 0)
  squares = sum(float(np.sum((v - v.mean()) ** 2)) for v in several)
  return Spread(math.sqrt(squares / freedom), freedom)
