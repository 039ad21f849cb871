"""One estimator for steps and accuracy, from curves whose truth is known."""

import math

import numpy as np
import pytest
from paper.inception_made import BN_X5, PLAIN, learning, networks, run_of, several

from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper.section_4_2_networks import PAPER, SLOW_DECAY
from bn_repro.report.crossing import crossing
from bn_repro.report.speed_up import speed_up
from bn_repro.run.errors import UserError


def test_a_speed_up_is_a_ratio_of_geometric_means():
  effect = speed_up(networks(), 'bn_x5', 'inception', 0.75)
  expected = math.sqrt(20_000 * 21_000 / 6_000 / 6_300)
  assert effect.value == pytest.approx(expected, rel=0.02)
  assert effect.low < effect.value < effect.high < 1.2 * effect.value


def test_a_single_run_takes_its_spread_from_the_other_networks():
  one = networks() | {'bn_x30': several('bn_x30', 4_000)}
  effect = speed_up(one, 'bn_x30', 'inception', 0.75)
  assert effect.high / effect.low > 1 and math.isfinite(effect.high)


def test_nobody_arrives():
  low = {name: several(name, 9_000, 9_100, limit=0.6) for name in ('a', 'b')}
  effect = speed_up(low | networks(), 'a', 'b', 0.75)
  assert math.isnan(effect.value) and (effect.low, effect.high) == (0, math.inf)
  assert comparison.number_reached(low, 'a', 0.75) == 0


def test_where_nobody_arrives_the_others_are_not_looked_at():
  """Here one that begins above the target, and so has no steps to it."""
  low = {name: several(name, 9_000, 9_100, limit=0.6) for name in ('a', 'b')}
  above = {'c': [run_of('c', 90, *[95] * 10)]}
  assert math.isnan(speed_up(low | above, 'a', 'b', 0.75).value)


def test_accuracy_is_the_mean_of_the_last_tenth_up_to_a_step():
  run = run_of('bn_x5', 10, 20, 30, 40, 50, 60, 70, 80, 81, 82, 90)
  assert comparison.accuracy_until(run) == pytest.approx(0.86)
  assert comparison.accuracy_until(run, 200) == pytest.approx(0.3)


def test_networks_are_compared_at_their_last_common_step():
  short, long = BN_X5, several('bn_x30', 9_000, 9_100, horizon=90_000)
  assert comparison.common_step(short, long) == 50_000


def test_the_spread_of_accuracy_is_pooled_over_networks_that_go_so_far():
  pair = lambda name, limits, horizon: [
    learning(name, 9_000, seed, limit=limit, horizon=horizon)
    for seed, limit in enumerate(limits)
  ]
  both = {'a': pair('a', (0.70, 0.72), 50_000), 'b': pair('b', (0.6, 0.7), 10_000)}
  spread = comparison.accuracy_spread(both.values(), step=40_000)
  assert (spread.freedom, spread.deviation) == (1, pytest.approx(0.02 / math.sqrt(2)))
  assert comparison.accuracy_spread(both.values()).freedom == 2


def test_spreads_are_tested_for_equality_where_three_seeds_allow_it():
  assert comparison.equality_of_spreads(networks()) is None
  steps = {'a': (9e3, 10e3, 11e3), 'b': (5e3, 20e3, 80e3)}
  three = {name: several(name, *of, horizon=200_000) for name, of in steps.items()}
  three['c'] = several('c', 10_000)
  assert 0 < comparison.equality_of_spreads(three) < 0.5


def test_the_probability_of_improvement_is_a_half_at_the_speed_up():
  factors = np.array([1.0, 3.333, 20.0])
  chance = comparison.probability_of_improvement(
    networks(), 'bn_x5', 'inception', factors
  )
  assert chance[0] > 0.99 and chance[2] < 0.01
  assert chance[1] == pytest.approx(0.5, abs=0.1)


def test_a_step_of_every_network_was_measured_on_one_machine():
  """Of networks that are one program with other hyperparameters once."""
  device, seconds = comparison.seconds_per_step()
  assert 'cpu' in device
  assert seconds.keys() == {*PAPER, SLOW_DECAY}
  assert seconds['bn_x30'] == seconds['bn_x5'] == seconds[SLOW_DECAY]
  assert all(0.01 < value < 1 for value in seconds.values())


def test_a_run_that_diverges_never_arrives():
  """However few steps it took: it is censored where it should have ended."""
  lost = run_of('bn_x5', 10, 20, 30, diverged=True)
  lost.summary['num_steps'] = 50_000
  assert crossing(lost, 0.75) == (50_000, True)
  late = learning('bn_x5', 6_000)
  late.summary['diverged'] = True
  assert crossing(late, 0.75) == crossing(learning('bn_x5', 6_000), 0.75)
  usual = networks()
  diverged = usual | {'bn_x5': [*usual['bn_x5'], lost]}
  before, after = (speed_up(n, 'bn_x5', 'inception', 0.75) for n in (usual, diverged))
  assert after.value < before.value and after.low < before.low


def test_a_run_that_diverges_after_a_lucky_evaluation_never_arrives_either():
  lucky = run_of('bn_x5', *[10] * 8, 80, *[10] * 8, diverged=True)
  lucky.summary['num_steps'] = 50_000
  assert crossing(lucky, 0.75) == (50_000, True)


def test_without_two_runs_that_differ_a_speed_up_has_no_interval():
  """One run of each network: there is a ratio, and nothing to tell its spread."""
  alone = {'inception': several('inception', 20_000), 'bn_x5': several('bn_x5', 5_000)}
  effect = speed_up(alone, 'bn_x5', 'inception', 0.75)
  assert effect.value == pytest.approx(4, rel=0.03) and math.isnan(effect.low)
  alone['bn_x5'] = several('bn_x5', 5_000, limit=0.6)
  never = speed_up(alone, 'bn_x5', 'inception', 0.75)
  assert (never.value, never.text()) == (0, 'not bounded')


def lost_at_once(network, num_steps):
  """A run of the protocol of which only the initial weights were evaluated."""
  lost = run_of(network, 10, diverged=True, log_spaced_evaluations=40)
  lost.summary['num_steps'] = num_steps
  return lost


def test_a_run_that_diverges_at_once_counts_with_its_initial_weights():
  assert comparison.accuracy_until(lost_at_once('bn_x5', 30_000)) == pytest.approx(0.1)
  assert '10.00 %' in comparison.final_accuracy([lost_at_once('bn_x5', 30_000)])


def test_the_others_are_not_compared_at_the_step_at_which_a_run_diverged():
  """At step 0 all networks are alike."""
  usual = networks()
  lost = lost_at_once('bn_x5', 50_000)
  assert comparison.common_step(usual['inception'], [lost]) == 50_000
  with_it = usual | {'bn_x5': [*usual['bn_x5'], lost]}
  step = comparison.common_step(with_it['bn_x5'], usual['inception'])
  effect = comparison.accuracy_difference(with_it, 'bn_x5', 'inception', step)
  assert effect.value < -10 and effect.low < effect.value - 20, 'its spread is counted'


def test_a_run_that_never_reaches_the_target_has_no_steps():
  flat = run_of('bn_x5', *[10] * 30)
  assert comparison.log_steps(flat, 0.4) == math.inf


def test_a_damaged_curve_names_its_run():
  run = run_of('bn_x5', 10, 20, 30, 40)
  run.curves['step'][2] = run.curves['step'][1]
  with pytest.raises(UserError, match='bn_x5_seed0: step 100 follows step 100'):
    crossing(run, 0.3)


def test_a_target_below_the_first_evaluation_is_refused():
  with pytest.raises(UserError, match='inception_seed0: the curve begins'):
    crossing(PLAIN[0], 0.05)


def test_the_final_accuracy_is_the_mean_of_the_last_tenth():
  """In the protocol's runs without the evaluation at its beginning: the last five."""
  steps = np.array([0.0, 50, 90, 95, 100])
  accuracy = np.array([0.1, 0.9, 0.6, 0.7, 0.8])
  assert comparison.of_last_part(steps, accuracy, is_open=False) == pytest.approx(0.7)
  assert comparison.of_last_part(steps, accuracy, is_open=True) == pytest.approx(0.75)
  fixed = run_of('bn_x5', *range(10, 21), log_spaced_evaluations=6)
  assert comparison.accuracy_until(fixed) == pytest.approx(0.20)
  assert comparison.accuracy_until(run_of('bn_x5', *range(10, 21))) == 0.195
