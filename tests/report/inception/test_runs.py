"""What figure 3 asks of runs: targets, ratios of steps, intervals, budgets."""

import math

import pytest

from bn_repro.report.inception import figure_3
from bn_repro.report.inception import runs as family
from report.inception.made import BN_X5, PLAIN, run_of


def test_the_target_of_a_seed_is_the_maximum_of_its_plain_network():
  assert family.steps_to_target(PLAIN, PLAIN).tolist() == [300, 400]
  assert family.steps_to_target(PLAIN, BN_X5).tolist() == [100, 200]


def test_speed_up_is_the_geometric_mean_over_seeds():
  found = family.speed_up(PLAIN, BN_X5)
  assert found.ratio.mean == pytest.approx(math.sqrt(3 * 2))
  assert found.ratio.low < found.ratio.mean < found.ratio.high
  assert (found.reached, found.seeds) == (2, 2)


def test_speed_up_to_a_lower_target():
  """At 10 points less the plain network is there at steps 200 and 400."""
  found = family.speed_up(PLAIN, BN_X5, below=0.1)
  assert found.ratio.mean == pytest.approx(math.sqrt(2 / 1 * 4 / 2))


def test_seeds_that_the_plain_network_lacks_are_left_out():
  other = run_of('bn_x5', 10, 90, seed=7)
  assert family.speed_up(PLAIN, [*BN_X5, other]).seeds == 2


def test_other_seeds_of_an_ablation_count_for_the_networks():
  """Unless the networks have them; what a change was made to is no seed of theirs."""
  sweep = [
    run_of('bn_x5', 10, 99, seed=1), run_of('bn_x5', 10, 60, seed=2),
    run_of('bn_x30', 10, 60, seed=1), run_of('bn_x5', 10, 60, name='bn_x5_without_l2'),
    run_of('bn_x5', 10, 60, name='bn_x5_without_l2_seed3', seed=3),
  ]  # fmt: skip
  found = family.with_other_seeds({'inception': PLAIN, 'bn_x5': BN_X5}, sweep)
  seeds = {name: [run.config['seed'] for run in of] for name, of in found.items()}
  assert seeds == {'inception': [0, 1], 'bn_x5': [0, 1, 2], 'bn_x30': [1]}
  assert found['bn_x5'][1] is BN_X5[1]


def test_longer_runs_are_cut_to_the_budget_of_the_short():
  """To as many images: 200 steps of 32 are 50 of 128."""
  short = [run_of('bn_x5', 10, 60, 70), run_of('bn_x5', 10, 60)]
  cut = family.within_budget_of(short, {'inception': PLAIN, 'bn_x5': BN_X5})
  assert [len(run.curves['step']) for run in cut['inception']] == [3, 3]
  assert family.best(cut['inception'][0]) == 0.5 and family.best(PLAIN[0]) == 0.6
  large = run_of('bn_x5', 10, 60, 70, batch_size=128)
  (longer,) = family.within_budget_of([large], {'inception': PLAIN[:1]})['inception']
  assert len(longer.curves['step']) == 5


def test_the_last_evaluation_of_a_budget_need_not_fall_on_those_of_a_long_run():
  """20 epochs are 5,918 steps; a long run is evaluated at 5,920."""
  long = run_of('inception', 10, 30, 50, 60)
  for steps, kept in ((198, 3), (202, 3), (249, 3), (251, 4)):
    short = run_of('bn_x5', 10, 60)
    short.summary['num_steps'] = steps
    cut = family.within_budget_of([short], {'inception': [long]})['inception']
    assert len(cut[0].curves['step']) == kept


@pytest.mark.parametrize('steps, diverged', [(50, False), (200, True)])
def test_a_run_that_diverges_after_the_budget_has_not_diverged(steps, diverged):
  long = run_of('bn_x30', 10, 30, 50, diverged=True)  # between steps 100 and 200
  short = run_of('bn_x5', 10, 60)
  short.summary['num_steps'] = steps
  (cut,) = family.within_budget_of([short], {'bn_x30': [long]})['bn_x30']
  assert cut.summary['diverged'] == diverged
  assert ('1 diverged' in figure_3.maximum([cut])) == diverged


def test_accuracy_of_single_runs_has_the_interval_of_the_images():
  one, other = [run_of('bn_x5', 10, 60)], [run_of('bn_x30', 10, 50)]
  found = family.more_accuracy(one, other, {'bn_x5': one, 'bn_x30': other})
  half = 1.96 * math.sqrt((0.6 * 0.4 + 0.5 * 0.5) / 3925)
  assert found.mean == pytest.approx(0.1)
  assert found.high - found.mean == pytest.approx(half, rel=1e-3)


def test_accuracy_over_seeds_has_the_interval_of_the_seeds():
  found = family.more_accuracy(BN_X5, PLAIN, {'bn_x5': BN_X5, 'inception': PLAIN})
  deviation = math.sqrt((5**2 / 2 + 10**2 / 2) / 2) / 100
  assert found.high - found.mean == pytest.approx(4.303 * deviation, rel=1e-3)


def test_single_runs_have_the_spread_of_the_networks_with_several_seeds():
  """Two seeds of one at 60 and 70: a deviation of 7.07 points with one freedom."""
  one, other = [run_of('bn_x5', 10, 60)], [run_of('bn_x30', 10, 50)]
  found = family.more_accuracy(one, other, {'inception': PLAIN, 'bn_x5': one})
  assert found.high - found.mean == pytest.approx(12.706 * 0.1, rel=1e-3)


def test_the_gap_of_a_run_that_diverged_is_unknown():
  assert PLAIN[0].gap == pytest.approx(0.1)
  assert math.isnan(run_of('inception', 10, 11, diverged=True).gap)
