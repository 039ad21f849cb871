"""Verdicts on the five networks follow from their curves."""

import pytest
from paper.claims_made import PLAIN, Made, learning, measured, several, verdict

from bn_repro.paper import claims_figure_3 as figure_3
from bn_repro.paper.ledger import CONTRADICTED, INCONCLUSIVE, SUPPORTED, Missing


def networks(**others):
  """The plain network, and others by their steps to 75 %."""
  return [*PLAIN, *(r for name, steps in others.items() for r in several(name, *steps))]


@pytest.mark.parametrize(
  'steps, expected',
  [((5_000, 5_200), SUPPORTED), ((9_900, 11_500), INCONCLUSIVE),
   ((20_000, 21_000), CONTRADICTED)],
)  # fmt: skip
def test_9_less_than_half_the_steps(steps, expected):
  made = Made(networks=networks(bn_baseline=steps))
  assert verdict('9', made) == expected
  ratio = 20_500 / (sum(steps) / 2)
  assert measured('9', made).effect.value == pytest.approx(ratio, rel=0.05)


def test_9_with_one_seed_takes_the_spread_of_the_others():
  made = Made(networks=networks(bn_baseline=[5_000]))
  finding = measured('9', made)
  assert finding.number == 1 and verdict('9', made) == SUPPORTED
  assert finding.effect.low > 2


def test_10_a_network_that_never_arrives_has_a_bound():
  low = several('bn_x5', 2_000, 2_100, limit=0.7)
  finding = measured('10', Made(networks=[*PLAIN, *low]))
  assert finding.effect.value == 0 and finding.effect.high < 1
  assert 'at most' in finding.text and '0 of 2 seeds arrive' in finding.text
  assert verdict('10', Made(networks=[*PLAIN, *low])) == CONTRADICTED


def test_10_says_what_the_slow_decay_does():
  slow = [
    run._replace(name=f'bn_x5_decay_of_inception_seed{i}')
    for i, run in enumerate(several('bn_x5', 4_000, 4_200))
  ]
  made = Made(networks=networks(bn_x5=(7_000, 7_300)), decay=slow)
  finding = measured('10', made)
  assert finding.effect.value == pytest.approx(2.9, rel=0.05)
  assert 'with the decay of the plain network it is 5.0' in finding.text


def test_12_and_23_nobody_arrives():
  low = [
    learning(name, 20_000, seed, limit=0.7)
    for name in ('inception', 'bn_x30', 'bn_baseline')
    for seed in (0, 1)
  ]
  others = several('bn_x5', 1_000, 1_100)
  made = Made(networks=[*low, *others])
  for key in ('12b', '23'):
    assert verdict(key, made) == INCONCLUSIVE
    assert 'neither network reaches' in measured(key, made).text


@pytest.mark.parametrize(
  'x30, expected',
  [((14_000, 14_500), SUPPORTED), ((10_000, 10_500), INCONCLUSIVE),
   ((6_000, 6_200), CONTRADICTED)],
)  # fmt: skip
def test_11a_starts_slower(x30, expected):
  made = Made(networks=networks(bn_x5=(10_000, 10_500), bn_x30=x30))
  assert verdict('11a', made) == expected


@pytest.mark.parametrize(
  'limits, expected',
  [
    ((0.8, 0.8), INCONCLUSIVE),
    ((0.83, 0.8), SUPPORTED),
    ((0.77, 0.8), CONTRADICTED),
  ],
)
def test_11b_accuracy_is_compared_at_the_last_common_step(limits, expected):
  """A longer run of BN-x30 is looked at as far as BN-x5 goes."""
  x30 = [learning('bn_x30', 900, s, limits[0] + 0.001 * s, 90_000) for s in (0, 1)]
  x5 = [learning('bn_x5', 900, s, limits[1] + 0.001 * s, 40_000) for s in (0, 1)]
  made = Made(networks=[*PLAIN, *x30, *x5])
  assert verdict('11b', made) == expected
  assert 'after 40,000 steps' in measured('11b', made).text


def test_12a_accuracy_is_compared_at_the_end_of_each():
  x30 = [learning('bn_x30', 900, s, 0.85 + 0.001 * s, 20_000) for s in (0, 1)]
  made = Made(networks=[*PLAIN, *x30])
  assert verdict('12a', made) == SUPPORTED
  assert measured('12a', made).effect.value == pytest.approx(5, abs=0.6)


@pytest.mark.parametrize('limit, expected', [(0.78, SUPPORTED), (0.70, CONTRADICTED)])
def test_13a_sigmoids_are_at_most_twice_as_far_below(limit, expected):
  runs = [learning('bn_x5_sigmoid', 900, s, limit + 0.001 * s) for s in (0, 1)]
  assert verdict('13a', Made(networks=[*PLAIN, *runs])) == expected


@pytest.mark.parametrize('limit, expected', [(0.75, SUPPORTED), (0.85, CONTRADICTED)])
def test_13b_sigmoids_are_below_relu(limit, expected):
  sigmoid = [learning('bn_x5_sigmoid', 900, s, limit + 0.001 * s) for s in (0, 1)]
  made = Made(networks=[*networks(bn_x5=(900, 950)), *sigmoid])
  assert verdict('13b', made) == expected


def test_a_network_that_was_not_trained_has_no_verdict():
  with pytest.raises(Missing, match='bn_x30'):
    figure_3.networks_of(Made(networks=PLAIN), 'bn_x30')
  with pytest.raises(Missing, match='inception'):
    figure_3.networks_of(Made(networks=several('bn_x5', 900)), 'bn_x5')
