"""Verdicts on rates, sigmoids and the seven changes follow from their runs."""

import pytest

from bn_repro.report.claims import changes
from bn_repro.report.claims.ledger import Missing
from report.claims.made import PLAIN, Made, run, seeds


@pytest.mark.parametrize('highest, holds', [(11.5, True), (13, False)])
def test_14_sigmoids_without(highest, holds):
  made = Made(learning_rates=[run('inception_sigmoid', [10, highest])])
  assert changes.sigmoids_alone(made).holds == holds


@pytest.mark.parametrize('diverged', [True, False])
def test_15_divergence(diverged):
  quick = run('inception', [10, 20], diverged=diverged, learning_rate=0.0075)
  found = changes.diverges(Made(networks=[PLAIN], learning_rates=[quick]))
  assert found.holds == diverged
  said = 'diverges between steps 100 and 200' if diverged else 'reaches 20.0 %'
  assert f'at five times its rate it {said}' in found.text


def test_15_a_rate_at_which_nothing_is_learnt_is_named():
  quick = run('inception', [10, 20], learning_rate=0.0075)
  stuck = run('inception', [10, 11], learning_rate=0.075)
  found = changes.diverges(Made(networks=[PLAIN], learning_rates=[quick, stuck]))
  assert not found.holds and found.text.endswith('it stays at chance at 0.075')


@pytest.mark.parametrize('at_100', [60, 90])
@pytest.mark.parametrize('at_30, holds', [(80, True), (79.1, True), (78, False)])
def test_16_harmless_rates(at_30, holds, at_100):
  """A hundred times the rate may be better still."""
  networks = [
    PLAIN, run('bn_x5', [10, 80], learning_rate=0.0075),
    run('bn_x30', [10, at_30], learning_rate=0.045),
  ]  # fmt: skip
  sweep = [run('bn_x5', [10, at_100], learning_rate=0.15)]
  made = Made(networks=networks, learning_rates=sweep)
  assert changes.harmless_rates(made).holds == holds


def test_17_to_22_need_the_ablation_and_follow_its_verdicts():
  """BN-x5 in three seeds; without the smaller L2 weight it is far worse."""
  networks = [
    PLAIN, run('bn_baseline', [10, 60]),
    *seeds('bn_x5', [10, 80], [10, 80.2], [10, 79.8]),
  ]  # fmt: skip
  made = Made(networks=networks)
  with pytest.raises(Missing, match='ablation'):
    changes.change('l2')(made)
  added = run('bn_baseline', [10, 60])._replace(name='bn_baseline_with_l2')
  without = run('bn_x5', [10, 70])._replace(name='bn_x5_without_l2')
  found = changes.change('l2')(Made(networks=networks, ablation=[added, without]))
  assert found.holds and found.value.mean == pytest.approx(0, abs=0.1)
  assert 'among all, BN-x5: +10.0 points' in found.text
  worse = run('bn_x5', [10, 90])._replace(name='bn_x5_without_l2')
  made = Made(networks=networks, ablation=[added, worse])
  assert not changes.change('l2')(made).holds
  with pytest.raises(Missing, match='both settings'):
    changes.change('l2')(Made(networks=networks, ablation=[without]))
  alone = [one for one in networks if one.config['seed'] == 0]
  with pytest.raises(Missing, match='other seeds'):
    changes.change('l2')(Made(networks=alone, ablation=[added, without]))
