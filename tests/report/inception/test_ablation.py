"""What each of the seven changes is credited with, and the verdict that follows."""

import math

import pytest

from bn_repro.intervals import Interval
from bn_repro.report.inception import ablation
from report.inception.made import BN_X5, PLAIN, networks, run_of


def test_a_change_is_credited_with_what_it_gives():
  """What is taken back from BN-x5 counts the other way round."""
  runs = [
    run_of('bn_baseline', 10, 55, 71, name='bn_baseline_with_l2'),
    run_of('bn_x5', 10, 60, 70, name='bn_x5_without_l2'),
  ]
  added, taken = ablation.effects(networks(), runs)
  assert added.title == taken.title == 'a fifth of the L2 weight'
  assert added.accuracy.mean == pytest.approx(0.71 - 0.68)
  assert taken.accuracy.mean == pytest.approx(0.725 - 0.70)
  # Bests differ by 4 and 5 points between the two seeds of the networks with BN.
  deviation = math.sqrt((4**2 + 5**2) / 2 / 2) / 100
  half = 4.303 * deviation * math.sqrt(1 + 1 / 2)
  assert added.accuracy.high - added.accuracy.mean == pytest.approx(half, rel=1e-3)


def test_seeds_of_a_change_are_one_effect_and_add_to_the_spread():
  runs = [
    run_of('bn_x5', 10, 60, 70, name='bn_x5_without_l2'),
    run_of('bn_x5', 10, 60, 62, name='bn_x5_without_l2_seed1', seed=1),
  ]
  (taken,) = ablation.effects(networks(), runs)
  assert taken.runs == 2
  assert taken.accuracy.mean == pytest.approx(0.725 - 0.66)
  deviation = math.sqrt((4**2 + 5**2 + 8**2) / 2 / 3) / 100
  half = 3.182 * deviation * math.sqrt(1 / 2 + 1 / 2)
  assert taken.accuracy.high - taken.accuracy.mean == pytest.approx(half, rel=1e-3)


@pytest.mark.parametrize(
  'kind, interval, verdict',
  [
    ('better', (0.02, 0.01, 0.03), 'agrees'),
    ('better', (0.02, -0.01, 0.05), 'cannot be told'),
    ('better', (-0.02, -0.03, -0.01), 'disagrees'),
    ('better', (0.02, math.nan, math.nan), 'cannot be told'),
    ('harmless', (0.0, -0.009, 0.009), 'agrees'),
    ('harmless', (0.0, -0.02, 0.02), 'cannot be told'),
    ('harmless', (-0.03, -0.04, -0.02), 'disagrees'),
  ],
)
def test_verdicts(kind, interval, verdict):
  change = ablation.Change('l2', 'title', 'claim', kind)
  steps = Interval(1.0, 0.9, 1.1)
  effect = ablation.Effect(change, 'setting', Interval(*interval), steps)
  assert effect.verdict() == verdict


def test_a_faster_change_is_judged_by_its_steps():
  change = ablation.CHANGES[0]
  accuracy = Interval(0.5, 0.4, 0.6)
  faster = lambda *steps: ablation.Effect(change, '', accuracy, Interval(*steps))
  assert faster(2, 1.5, 3).verdict() == 'agrees'
  assert faster(2, 0.5, 8).verdict() == 'cannot be told'
  assert faster(0.5, 0.3, 0.8).verdict() == 'disagrees'


def test_a_faster_change_may_not_cost_accuracy():
  harm = Interval(-0.05, -0.06, -0.04)
  effect = ablation.Effect(ablation.CHANGES[0], '', harm, Interval(2, 1.5, 3))
  assert effect.verdict() == 'disagrees'


@pytest.mark.parametrize(
  'missed, reached, steps, verdict',
  [
    ('without', (2, 1, 2), (2, 1.5, 3), 'agrees'),
    ('without', (1, 0, 1), (0.5, 0.3, 0.8), 'cannot be told'),
    ('with', (1, 2, 2), (2, 1.5, 3), 'cannot be told'),
    ('with', (0, 1, 1), (0.5, 0.3, 0.8), 'disagrees'),
  ],
)
def test_who_missed_the_target_bounds_one_side(missed, reached, steps, verdict):
  accuracy = Interval(0.5, 0.4, 0.6)
  effect = ablation.Effect(ablation.CHANGES[0], '', accuracy, Interval(*steps), reached)
  assert (effect.missed, effect.verdict()) == (missed, verdict)


def test_a_faster_change_must_be_shown_to_do_no_harm():
  unclear = Interval(-0.008, -0.06, 0.045)
  effect = ablation.Effect(ablation.CHANGES[0], '', unclear, Interval(3, 1.5, 6))
  assert effect.verdict() == 'cannot be told'


def test_a_change_with_which_runs_diverge_disagrees():
  """Unless they do without it, too."""
  broken = run_of('bn_x5', 10, 60, name='bn_x5_without_dropout', diverged=True)
  (taken,) = ablation.effects({'inception': PLAIN, 'bn_x5': BN_X5}, [broken])
  assert taken.harm == 0
  broken = run_of('bn_baseline', 10, 65, name='bn_baseline_with_l2', diverged=True)
  (added,) = ablation.effects(networks(), [broken])
  assert added.verdict() == 'disagrees'
  assert ablation.accuracy(added).endswith(', 1 diverged')


def test_steps_are_those_of_the_seeds_that_both_sides_have():
  """Seed 1 of BN-x5 takes 200 steps to a target of its own."""
  runs = [run_of('bn_x5', 10, 60, 65, name='bn_x5_without_l2')]
  (taken,) = ablation.effects({'inception': PLAIN, 'bn_x5': BN_X5}, runs)
  assert taken.faster.mean == 1
  strange = [run_of('bn_x5', 10, 60, 65, name='bn_x5_without_l2_seed9', seed=9)]
  assert ablation.effects({'inception': PLAIN, 'bn_x5': BN_X5}, strange) == []


def test_a_target_that_some_seeds_reached_on_neither_side_has_no_ratio():
  """Targets within 200 steps are 50 and 40."""
  baseline = [
    run_of('bn_baseline', 10, 30, 60),
    run_of('bn_baseline', 10, 30, 35, seed=1),
  ]
  of_l2 = [
    run_of('bn_baseline', 10, 30, 40, name='bn_baseline_with_l2'),
    run_of('bn_baseline', 10, 30, 45, name='bn_baseline_with_l2_seed1', seed=1),
  ]
  both = {'inception': PLAIN, 'bn_baseline': baseline}
  (effect,) = ablation.effects(both, of_l2)
  assert effect.missed == 'with and without' and math.isnan(effect.faster.mean)
  assert ablation.times(effect) == 'reached by 1 of 2 with it, 1 of 2 without'


@pytest.mark.parametrize(
  'last, missed, said',
  [(70, '', '2.00 times fewer'), (40, 'without', 'at least 2.00 times fewer')],
)
def test_without_the_change_the_target_may_not_be_reached(last, missed, said):
  """BN-x5 reaches 50 % at step 100 of 200; without dropout's removal later or never."""
  short = run_of('bn_x5', 10, 40, last, name='bn_x5_without_dropout')
  usual = {'inception': PLAIN[:1], 'bn_x5': BN_X5[:1]}
  (effect,) = ablation.effects(usual, [short])
  assert (effect.missed, ablation.times(effect)) == (missed, said)


def test_steps_of_a_seed_that_the_plain_network_lacks_do_not_count():
  short = run_of('bn_x5', 10, 40, 50, 65, name='bn_x5_without_dropout')
  late = run_of('bn_x5', 10, 20, 30, 35, seed=2)
  of_seeds = lambda runs: ablation.effects({'inception': PLAIN, 'bn_x5': runs}, [short])
  (effect,), (of_pairs,) = of_seeds([*BN_X5, late]), of_seeds(BN_X5)
  assert effect.faster == of_pairs.faster
  assert effect.accuracy.mean < of_pairs.accuracy.mean
