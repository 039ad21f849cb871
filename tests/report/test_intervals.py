"""Intervals of few values, against tables of Student's t and arithmetic by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bn_repro.report import intervals

# The two-sided 95 % quantiles of printed tables.
T_2, T_4 = 4.303, 2.776


def test_the_interval_of_a_mean():
  found = intervals.of_mean([1.0, 2.0, 3.0])
  half = T_2 * 1 / math.sqrt(3)
  assert found == pytest.approx((2, 2 - half, 2 + half), rel=1e-3)


def test_one_value_has_no_interval():
  mean, low, high = intervals.of_mean([5.0])
  assert mean == 5 and math.isnan(low) and math.isnan(high)


@given(st.lists(st.floats(0.1, 10), min_size=2, max_size=6), st.floats(0.5, 4))
def test_ratios_scale(values, factor):
  """Geometric: twice the ratios have twice the mean and twice the limits."""
  once = np.asarray(intervals.of_ratio(values))
  scaled = intervals.of_ratio([factor * v for v in values])
  np.testing.assert_allclose(scaled, factor * once, rtol=1e-6)
  np.testing.assert_allclose(once[0], np.prod(values) ** (1 / len(values)), rtol=1e-9)


def test_the_deviation_within_groups():
  """Groups of one count for nothing; distances between groups neither."""
  deviation, freedom = intervals.pooled_deviation([[1, 3], [101, 105, 103], [7]])
  assert freedom == 3
  assert deviation == pytest.approx(math.sqrt((2 + 8) / 3))
  deviation, freedom = intervals.pooled_deviation([[1], [2]])
  assert math.isnan(deviation) and freedom == 0
