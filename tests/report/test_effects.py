"""Effects: estimates, intervals and p values agree with SciPy and with each other."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bn_repro.report import effects
from bn_repro.report.crossing import Crossing
from bn_repro.report.intervals import Spread, pooled_deviation
from bn_repro.report.speed_up import ratio_of_steps, runs_of

VALUES = [1.0, 2.5, 3.0, 2.0]


def test_a_mean_has_students_interval_and_test():
  effect = effects.of_values(VALUES)
  result = stats.ttest_1samp(VALUES, 0.5)
  assert effect.p_value(0.5) == pytest.approx(result.pvalue)
  assert effect[1:3] == pytest.approx(tuple(result.confidence_interval(0.95)))


def test_the_interval_holds_the_margins_whose_p_is_above_5_percent():
  for effect in (effects.of_values(VALUES), effects.of_ratios(VALUES), speed_up()):
    assert effect.p_value(effect.low) == pytest.approx(0.05, rel=1e-4)
    assert effect.p_value(effect.high) == pytest.approx(0.05, rel=1e-4)
    assert effect.p_value(effect.value) == pytest.approx(1)


def speed_up():
  groups = {'plain': [100, 110, 105], 'ours': [50, 55], 'other': [20, 24]}
  crossings = {n: [Crossing(s, False) for s in of] for n, of in groups.items()}
  return ratio_of_steps(runs_of(crossings), network=1, baseline=0)


def test_a_difference_with_pooled_spread_is_that_of_two_samples():
  first, second = VALUES, [0.5, 1.0, 1.5]
  effect = effects.points_between(first, second, pooled_deviation([first, second]))
  result = stats.ttest_ind(first, second)
  assert effect.value == pytest.approx(100 * (np.mean(first) - np.mean(second)))
  assert effect.p_value(0) == pytest.approx(result.pvalue)
  low, high = result.confidence_interval()
  assert effect[1:3] == pytest.approx((100 * low, 100 * high))


def test_a_difference_with_spreads_of_their_own_is_welchs():
  first, second = VALUES, [0.5, 1.0, 1.6]
  result = stats.ttest_ind(first, second, equal_var=False)
  effect = effects.welch(first, second)
  assert effect.p_value(0) == pytest.approx(result.pvalue)
  assert effect[1:3] == pytest.approx(tuple(result.confidence_interval()))


@pytest.mark.parametrize(
  ('second', 'text'), [([1.0], '2.0'), ([1.0, 1.0], '2.0 (2.0 to 2.0)')]
)
def test_a_difference_of_single_or_equal_values(second, text):
  """A grid of one seed has only such; an interval needs two values of each."""
  assert effects.welch([3.0] * len(second), second).text() == text


def test_a_contrast_averages_two_settings():
  """Half of each difference; its variance is a quarter of the sum of both."""
  spread = pooled_deviation([[0.0, 2.0]])
  groups = [(0.5, [3.0]), (-0.5, [1.0]), (0.5, [6.0, 6.0]), (-0.5, [2.0])]
  effect = effects.contrast(groups, spread)
  error = spread.deviation * math.sqrt(0.25 * (1 + 1 + 1 / 2 + 1))
  assert effect.value == 3
  assert effect.high - 3 == pytest.approx(stats.t.ppf(0.975, 1) * error)


def test_an_estimate_whose_error_has_no_degrees_of_freedom_has_no_interval():
  effect = effects.of_estimate(2.0, pooled_deviation([[1.0], [3.0]]))
  assert effect.value == 2 and math.isnan(effect.low)


@pytest.mark.parametrize(
  'bounds, text',
  [
    ((0.0, 0.0, 2.234), 'at most 2.2 times'),
    ((math.inf, 1.5, math.inf), 'at least 1.5 times'),
    ((0.0, -1.0, 1.0), '0.0 times (-1.0 to 1.0)'),
    ((0.0, 0.0, 0.0), '0.0 times (0.0 to 0.0)'),
    ((2.0, 0.0, math.inf), 'not bounded'),
  ],
)
def test_a_bound_is_told_from_an_interval(bounds, text):
  assert effects.between(*bounds, '').text(unit=' times') == text


def test_the_end_of_a_ratio_may_be_too_large_for_a_number():
  effect = effects.exponential(effects.of_estimate(0.0, Spread(1e4, 5)))
  assert (effect.value, effect.low, effect.high) == (1, 0, math.inf)


def test_a_negative_factor_turns_the_interval_round():
  effect = effects.of_values(VALUES)
  turned = effects.scaled(effect, -2)
  assert turned[:3] == pytest.approx(
    (-2 * effect.value, -2 * effect.high, -2 * effect.low)
  )
  assert turned.p_value(-1.0) == effect.p_value(0.5)


def test_one_value_has_no_interval():
  effect = effects.of_values([3.0])
  assert effect.value == 3 and math.isnan(effect.low)
  assert effect.text('{:.1f}', ' points') == '3.0 points'


def test_two_shares_of_the_same_images_are_taken_as_independent():
  effect = effects.of_two_shares(0.8, 0.75, 4000)
  half = 1.96 * math.sqrt((0.8 * 0.2 + 0.75 * 0.25) / 4000)
  assert effect.high - effect.value == pytest.approx(half, rel=1e-3)


@given(st.lists(st.floats(0.1, 10), min_size=2, max_size=6), st.floats(0.5, 4))
def test_ratios_scale(values, factor):
  """Geometric: twice the ratios have twice the mean and twice the limits."""
  once = np.asarray(effects.of_ratios(values)[:3])
  scaled = effects.of_ratios([factor * v for v in values])[:3]
  np.testing.assert_allclose(scaled, factor * once, rtol=1e-6)
  np.testing.assert_allclose(once[0], np.prod(values) ** (1 / len(values)), rtol=1e-9)
