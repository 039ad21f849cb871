"""Verdicts on rates, sigmoids and the seven changes follow from their runs."""

import pytest
from paper.claims_made import PLAIN, Made, learning, measured, run, several, verdict

from bn_repro.paper.ledger import CONTRADICTED, INCONCLUSIVE, SUPPORTED, Missing

BUDGET = 6_000


def short(name, steps, seed=0, named='', **options):
  """A run of the ablation."""
  made = learning(name, steps, seed, horizon=BUDGET, **options)
  return made._replace(name=named) if named else made


def test_14_never_needs_long_runs():
  flat = run('inception_sigmoid', [10, 10.5])
  made = Made(learning_rates=[flat])
  assert verdict('14', made) == INCONCLUSIVE
  assert '100 steps cannot show "never"' in measured('14', made).too_little
  flat.summary['num_steps'] = 60_000
  assert measured('14', made).too_little == ''


@pytest.mark.parametrize(
  'fails_from, expected', [(50, CONTRADICTED), (5, SUPPORTED), (20, CONTRADICTED)]
)
def test_15_between_which_rates_training_fails(fails_from, expected):
  sweep = [
    run('inception', [10, 10 if times >= fails_from else 60],
        learning_rate=0.0015 * times)
    for times in (3, 5, 20, 50)
  ]  # fmt: skip
  found = measured('15', Made(networks=PLAIN, learning_rates=sweep))
  assert found.effect.high == pytest.approx(fails_from)
  assert verdict('15', Made(networks=PLAIN, learning_rates=sweep)) == expected


def test_15_without_a_failure_the_bracket_is_open():
  sweep = [run('inception', [10, 60], learning_rate=0.015)]
  found = measured('15', Made(networks=PLAIN, learning_rates=sweep))
  assert found.effect.low == pytest.approx(10) and found.effect.high == float('inf')
  assert 'fails at none' in found.text


@pytest.mark.parametrize(
  'limit, expected', [(0.62, SUPPORTED), (0.59, INCONCLUSIVE), (0.5, CONTRADICTED)]
)
def test_16_thirty_times_the_rate_costs_less_than_a_point(limit, expected):
  x5 = several('bn_x5', 4_000, 4_000, 4_000, limit=0.6, learning_rate=0.0075)
  x30 = several('bn_x30', 4_000, 4_000, limit=limit, learning_rate=0.045)
  x5[1].curves['test_accuracy'][:] += 0.002
  sweep = [short('bn_x5', 4_000, limit=0.55, learning_rate=0.0015)]
  made = Made(networks=[*PLAIN, *x5, *x30], learning_rates=sweep)
  assert verdict('16', made) == expected


def ablated(gain, seeds=2):
  """Both settings; the smaller L2 weight gains so much accuracy in each."""
  usual = [
    short(name, 4_000, seed, limit=0.6 + 0.001 * seed)
    for name in ('bn_baseline', 'bn_x5')
    for seed in range(seeds)
  ]
  added = short('bn_baseline', 4_000, limit=0.6 + gain, named='bn_baseline_with_l2')
  taken = short('bn_x5', 4_000, limit=0.6 - gain, named='bn_x5_without_l2')
  return Made(networks=[*PLAIN, *usual], ablation=[added, taken])


@pytest.mark.parametrize(
  'gain, expected',
  [(0.03, SUPPORTED), (0.0, INCONCLUSIVE), (-0.03, CONTRADICTED)],
)
def test_18_is_the_mean_of_both_settings(gain, expected):
  made = ablated(gain)
  assert verdict('18', made) == expected
  finding = measured('18', made)
  assert finding.effect.value == pytest.approx(100 * gain, abs=0.06)
  assert 'added to BN-Baseline' in finding.text and finding.number == 2


def test_18_needs_both_settings():
  made = ablated(0.0)
  only = Made(
    networks=made.runs('', 'networks'), ablation=made.runs('', 'ablation')[:1]
  )
  with pytest.raises(Missing, match='both settings'):
    measured('18', only)
  with pytest.raises(Missing, match='ablation'):
    measured('18', Made(networks=made.runs('', 'networks')))


def test_18_without_other_seeds_is_inconclusive():
  assert verdict('18', ablated(0.03, seeds=1)) == INCONCLUSIVE


def test_19_is_an_equivalence():
  usual = [
    short(name, 4_000, seed, limit=0.6 + 0.0005 * seed)
    for name in ('bn_baseline', 'bn_x5')
    for seed in range(3)
  ]
  field = 'learning_rate_decay_every'
  both = [
    short('bn_baseline', 4_000, limit=0.6, named=f'bn_baseline_with_{field}'),
    short('bn_x5', 4_000, limit=0.6, named=f'bn_x5_without_{field}'),
  ]
  made = Made(networks=[*PLAIN, *usual], ablation=both)
  assert verdict('19', made) == SUPPORTED


def test_17_speed_and_overfitting_are_two_claims():
  """Without dropout half the steps, and the gap is as wide."""
  usual = [*several('bn_baseline', 80_000, 82_000), *several('bn_x5', 40_000, 41_000)]
  added = short('bn_baseline', 40_000, named='bn_baseline_with_dropout')
  taken = short('bn_x5', 80_000, named='bn_x5_without_dropout')
  made = Made(networks=[*PLAIN, *usual], ablation=[added, taken])
  finding = measured('17a', made)
  assert finding.effect.value == pytest.approx(2, rel=0.05)
  assert verdict('17a', made) == SUPPORTED
  assert measured('17b', made).effect.value == pytest.approx(0, abs=1e-6)


def test_22_is_withheld_because_its_second_seed_was_chosen():
  field = 'photometric_distortion'
  made = ablated(0.0)
  usual = made.runs('', 'networks')
  both = [
    short('bn_baseline', 4_000, limit=0.7, named=f'bn_baseline_with_{field}'),
    short('bn_x5', 4_000, limit=0.5, named=f'bn_x5_without_{field}'),
  ]
  made = Made(networks=usual, ablation=both)
  assert measured('22', made).effect.low > 5
  assert verdict('22', made) == INCONCLUSIVE
