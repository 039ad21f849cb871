"""Intervals of few values, against tables of Student's t and arithmetic by hand."""

import math

import pytest

from bn_repro.report import intervals

# The two-sided 95 % quantile of printed tables.
T_2 = 4.303


def test_the_interval_of_a_mean():
  found = intervals.of_mean([1.0, 2.0, 3.0])
  half = T_2 * 1 / math.sqrt(3)
  assert found == pytest.approx((2, 2 - half, 2 + half), rel=1e-3)


def test_one_value_has_no_interval():
  mean, low, high = intervals.of_mean([5.0])
  assert mean == 5 and math.isnan(low) and math.isnan(high)


def test_the_deviation_within_groups():
  """Groups of one count for nothing; distances between groups neither."""
  deviation, freedom = intervals.pooled_deviation([[1, 3], [101, 105, 103], [7]])
  assert freedom == 3
  assert deviation == pytest.approx(math.sqrt((2 + 8) / 3))
  deviation, freedom = intervals.pooled_deviation([[1], [2]])
  assert math.isnan(deviation) and freedom == 0


def test_the_exact_interval_of_a_share_contains_it_often_enough():
  """All or none of four are no rare event at one half, 12.5 %; Wilson's excludes it."""
  assert intervals.of_share(4, 4).low > 0.5 > intervals.of_share(4, 4, 'exact').low
  low, high = intervals.of_share(0, 6, 'exact')[1:]
  assert low == 0 and (1 - high) ** 6 == pytest.approx(0.025, rel=1e-3)
