"""What each of the seven changes is credited with."""

import math

import pytest
from paper.inception_made import PLAIN, learning, networks, run_of

from bn_repro.paper import section_4_2_1_changes as ablation

BUDGET = 6_000
FIELD = 'l2'


def short(network, seed=0, name='', limit=0.6, steps=12_000):
  return learning(network, steps, seed, name, limit, horizon=BUDGET)


def usual(*limits):
  """BN-Baseline and BN-x5, a seed for each limit."""
  return {'inception': PLAIN} | {
    name: [short(name, seed, limit=limit) for seed, limit in enumerate(limits)]
    for name in ('bn_baseline', 'bn_x5')
  }


ADDED = short('bn_baseline', name='bn_baseline_with_l2', limit=0.63)
TAKEN = short('bn_x5', name='bn_x5_without_l2', limit=0.58)


def test_a_change_is_credited_with_what_it_gives():
  """What is taken back from BN-x5 counts the other way round."""
  found = ablation.ablation(usual(0.60, 0.62), [ADDED, TAKEN])
  one, other = found.pairs[FIELD]
  assert found.accuracy(FIELD, one.setting).value == pytest.approx(63 - 61)
  assert found.accuracy(FIELD, other.setting).value == pytest.approx(61 - 58)
  both = found.accuracy(FIELD)
  assert both.value == pytest.approx(2.5)
  # Two pairs of runs 2 points apart; a mean of two differences of 1 and 2 runs.
  error = 2 / math.sqrt(2) * math.sqrt(2 * 0.25 * (1 + 1 / 2))
  assert both.high - both.value == pytest.approx(4.303 * error, rel=1e-3)


def test_the_mean_of_both_settings_is_known_better_than_either():
  found = ablation.ablation(usual(0.60, 0.62), [ADDED, TAKEN])
  width = lambda effect: effect.high - effect.low
  single = found.accuracy(FIELD, 'added to BN-Baseline')
  assert width(found.accuracy(FIELD)) < 0.8 * width(single)


def test_seeds_of_a_change_are_one_effect_and_add_to_the_spread():
  runs = [TAKEN, short('bn_x5', 1, 'bn_x5_without_l2_seed1', limit=0.5)]
  found = ablation.ablation(usual(0.60, 0.62), runs)
  assert found.spreads.accuracy.freedom == 3
  assert found.accuracy(FIELD).value == pytest.approx(61 - 54)


def test_the_plain_network_and_the_slow_decay_do_not_add_to_the_spread():
  slow = [short('bn_x5', seed, f'bn_x5_decay_of_inception_seed{seed}', 0.1 + 0.3 * seed)
          for seed in (0, 1)]  # fmt: skip
  with_slow = usual(0.60, 0.62) | {'bn_x5_decay_of_inception': slow}
  spreads = [
    ablation.ablation(n, [TAKEN]).spreads for n in (usual(0.60, 0.62), with_slow)
  ]
  assert spreads[0] == spreads[1]


def test_a_setting_that_makes_most_of_the_spread_is_named():
  runs = [TAKEN, short('bn_x5', 1, 'bn_x5_without_l2_seed1', limit=0.4)]
  found = ablation.ablation(usual(0.60, 0.602), runs)
  name, share, rest = ablation.largest_part(found)
  assert name == 'bn_x5_without_l2' and share > 0.99
  assert rest == pytest.approx(0.002 / math.sqrt(2))


def test_speed_is_steps_without_the_change_over_steps_with_it():
  fast = short('bn_baseline', name='bn_baseline_with_l2', steps=20_000)
  slow = short('bn_x5', name='bn_x5_without_l2', steps=160_000)
  base = usual(0.6, 0.6)
  for name in ('bn_baseline', 'bn_x5'):
    base[name] = [
      short(name, seed, limit=0.7, steps=80_000 * (1 + seed / 50)) for seed in (0, 1)
    ]
  found = ablation.ablation(base, [fast, slow])
  assert found.speed_up(FIELD, 'taken back from BN-x5').value == pytest.approx(
    2, rel=0.1
  )
  assert 2 < found.speed_up(FIELD).value < 4


def test_the_gap_between_training_and_validation_is_an_effect():
  found = ablation.ablation(usual(0.60, 0.62), [ADDED, TAKEN])
  assert found.gap(FIELD).value == pytest.approx(0, abs=1e-9)


def test_what_was_not_run_in_both_settings_is_said():
  found = ablation.ablation(usual(0.6, 0.62), [ADDED])
  assert len(ablation.missing(found)) == 7
  both = ablation.ablation(usual(0.6, 0.62), [ADDED, TAKEN])
  assert 'a fifth of the L2 weight' not in ablation.missing(both)
  assert ablation.ablation(networks(), []) is None


def test_the_table_has_a_row_for_each_setting_and_one_for_both():
  lines = ablation.table(
    ablation.ablation(usual(0.6, 0.62), [ADDED, TAKEN])
  ).splitlines()
  assert len(lines) == 2 + 3
  assert '**mean of both**' in lines[-1] and '1, 2' in lines[2]


def test_a_run_that_never_reaches_the_target_has_no_steps():
  flat = run_of('bn_x5', *[10] * 30, name='bn_x5_without_l2')
  assert ablation._log_steps(flat) == math.inf
