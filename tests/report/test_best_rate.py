"""The best learning rate is where accuracy was made to peak."""

import numpy as np
import pytest

from bn_repro.report.best_rate import best_rate, ratio

RATES = 0.0015 * 2.0 ** np.arange(6)


def accuracies(truth, noise=0.0, rng=None, bend=0.03):
  """Two runs at each of six learning rates, a parabola around the best one."""
  mean = 0.7 - bend * np.log(RATES / truth) ** 2
  draw = lambda: noise * rng.standard_normal(2) if rng else np.array([-1e-9, 1e-9])
  return {rate: value + draw() for rate, value in zip(RATES.tolist(), mean)}


def test_the_vertex_and_its_accuracy_are_found():
  best = best_rate(accuracies(0.01))
  assert best.rate.value == pytest.approx(0.01, rel=1e-4)
  assert best.accuracy == pytest.approx(0.7, abs=1e-6)
  assert best.tried == RATES[3] and best.fitted == (RATES[1], RATES[5])


@pytest.mark.slow
def test_its_interval_covers_it():
  rng, covered = np.random.default_rng(2), []
  for _ in range(1000):
    rate = best_rate(accuracies(0.01, 0.005, rng)).rate
    covered.append(rate.low <= 0.01 <= rate.high)
  assert 0.92 <= np.mean(covered) <= 0.98


def test_at_the_ends_of_its_interval_p_is_5_percent():
  """Fieller's: it has the places that the test of a slope of 0 does not reject."""
  log_rate = best_rate(accuracies(0.01, 0.005, np.random.default_rng(4))).log_rate
  ends = [log_rate.p_value(end) for end in (log_rate.low, log_rate.high)]
  assert ends == pytest.approx([0.05, 0.05]) and log_rate.p_value(log_rate.value) == 1


def test_where_the_bend_is_uncertain_the_interval_covers_less_often_but_not_by_much():
  """That the vertex is known at all is luck then, hence some 87 % and not 95 %.

  The interval of the delta method has the truth in three of four.
  """
  rng, covered = np.random.default_rng(2), []
  for _ in range(800):
    rate = best_rate(accuracies(0.01, 0.005, rng, bend=0.003)).rate
    if not np.isnan(rate.low):
      covered.append(rate.low <= 0.01 <= rate.high)
  assert len(covered) > 150 and np.mean(covered) > 0.84


def test_a_vertex_that_is_far_from_all_that_was_tried_is_not_known():
  """Nearly a straight line; e to the power of such a vertex is no number."""
  rng, x = np.random.default_rng(1), np.log(RATES)
  line = 0.8 + 0.01 * x - 1e-7 * x**2
  values = {r: v + 1e-9 * rng.standard_normal(2) for r, v in zip(RATES.tolist(), line)}
  assert best_rate(values).log_rate is None


def test_a_parabola_that_is_open_upwards_has_no_best_rate():
  assert best_rate(accuracies(0.01, bend=-0.03)).log_rate is None


def test_runs_that_all_agree_have_no_best_rate():
  equal = {rate: [0.7, 0.7] for rate in RATES.tolist()}
  found = best_rate(equal)
  assert found.log_rate is None and found.rate.value == RATES[0]


def test_one_run_of_each_rate_is_enough_for_four():
  one = {rate: values[:1] for rate, values in accuracies(0.01).items()}
  assert best_rate(one).rate.value == pytest.approx(0.01, rel=1e-3)


def test_two_equal_vertices_have_the_ratio_1():
  best = best_rate(accuracies(0.01, 0.005, np.random.default_rng(4)))
  effect = ratio(best, best)
  assert effect.value == 1 and effect.low < 1 < effect.high


def test_a_steep_side_far_away_does_not_move_it():
  """Runs at a learning rate more than four times as small or large are not fitted."""
  usual = accuracies(0.01)
  worse = usual | {RATES[0]: np.array([0.1, 0.1])}
  assert best_rate(worse).rate.value == best_rate(usual).rate.value


@pytest.mark.parametrize('best, tried', [(1e-4, RATES[0]), (1.0, RATES[-1])])
def test_at_an_edge_it_is_the_best_tried_without_an_interval(best, tried):
  found = best_rate(accuracies(best))
  assert found.log_rate is None and found.tried == tried
  assert found.rate.value == tried and np.isnan(found.rate.low)
  assert found.accuracy == pytest.approx(np.mean(accuracies(best)[tried]))


def test_a_curve_that_is_as_good_as_flat_has_no_best_rate():
  """Where the parabola is not surely bent, its vertex may lie anywhere."""
  rng, known = np.random.default_rng(6), 0
  for _ in range(200):
    known += best_rate(accuracies(0.01, 0.005, rng, bend=0.0)).log_rate is not None
  assert known <= 20, 'the window around the best mean lets some through'


def test_three_runs_have_no_parabola():
  """One run of each: the parabola goes through all, and has no error."""
  assert (
    best_rate({rate: [0.5 - rate] for rate in (0.01, 0.02, 0.04)}).rate.value == 0.01
  )


def test_two_learning_rates_that_train_have_no_parabola():
  two = {rate: [0.5, 0.51] for rate in (0.01, 0.02)}
  assert best_rate(two).parabola is None and best_rate(two).log_rate is None


def test_the_ratio_of_two_best_rates():
  first, second = best_rate(accuracies(0.012)), best_rate(accuracies(0.006))
  assert ratio(first, second).value == pytest.approx(2, rel=1e-3)
  assert ratio(first, best_rate(accuracies(1.0))) is None


@pytest.mark.slow
def test_the_interval_of_the_ratio_covers_it():
  rng, covered = np.random.default_rng(3), []
  for _ in range(1000):
    effect = ratio(*(best_rate(accuracies(t, 0.005, rng)) for t in (0.012, 0.006)))
    covered.append(effect.low <= 2 <= effect.high)
  assert 0.92 <= np.mean(covered) <= 0.98
