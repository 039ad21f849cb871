"""What each of the seven changes is credited with, and the verdicts on it."""

import math

import pytest
from paper.claims_made import Made, measured, verdict
from paper.inception_made import PLAIN, learning, several

from bn_repro.paper import section_4_2_1_changes as changes
from bn_repro.paper.ledger import CONTRADICTED, INCONCLUSIVE, SUPPORTED, Missing
from bn_repro.paper.section_4_2_comparison import accuracy_until

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
  ablation = changes.compare(usual(0.60, 0.62), [ADDED, TAKEN])
  one, other = ablation.pairs[FIELD]
  assert ablation.accuracy(FIELD, one.setting).value == pytest.approx(63 - 61)
  assert ablation.accuracy(FIELD, other.setting).value == pytest.approx(61 - 58)
  both = ablation.accuracy(FIELD)
  assert both.value == pytest.approx(2.5)
  # Two pairs of runs 2 points apart; a mean of two differences of 1 and 2 runs.
  error = 2 / math.sqrt(2) * math.sqrt(2 * 0.25 * (1 + 1 / 2))
  assert both.high - both.value == pytest.approx(4.303 * error, rel=1e-3)


def test_the_mean_of_both_settings_is_known_better_than_either():
  ablation = changes.compare(usual(0.60, 0.62), [ADDED, TAKEN])
  width = lambda effect: effect.high - effect.low
  single = ablation.accuracy(FIELD, 'added to BN-Baseline')
  assert width(ablation.accuracy(FIELD)) < 0.8 * width(single)


def test_seeds_of_a_change_are_one_effect_and_add_to_the_spread():
  runs = [TAKEN, short('bn_x5', 1, 'bn_x5_without_l2_seed1', limit=0.5)]
  ablation = changes.compare(usual(0.60, 0.62), runs)
  assert ablation.spread(accuracy_until).freedom == 3
  assert ablation.accuracy(FIELD).value == pytest.approx(61 - 54)


def test_the_plain_network_and_the_slow_decay_do_not_add_to_the_spread():
  slow = [short('bn_x5', seed, f'bn_x5_decay_of_inception_seed{seed}', 0.1 + 0.3 * seed)
          for seed in (0, 1)]  # fmt: skip
  with_slow = usual(0.60, 0.62) | {'bn_x5_decay_of_inception': slow}
  spreads = [
    changes.compare(n, [TAKEN]).spread(accuracy_until)
    for n in (usual(0.60, 0.62), with_slow)
  ]
  assert spreads[0] == spreads[1]


def test_a_setting_that_makes_most_of_the_spread_is_named():
  runs = [TAKEN, short('bn_x5', 1, 'bn_x5_without_l2_seed1', limit=0.4)]
  ablation = changes.compare(usual(0.60, 0.602), runs)
  name, share, rest = changes.largest_part(ablation)
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
  ablation = changes.compare(base, [fast, slow])
  assert ablation.ratio_of_steps(FIELD, 'taken back from BN-x5').value == pytest.approx(
    2, rel=0.1
  )
  assert 2 < ablation.ratio_of_steps(FIELD).value < 4


def test_the_gap_between_training_and_validation_is_an_effect():
  ablation = changes.compare(usual(0.60, 0.62), [ADDED, TAKEN])
  assert ablation.gap(FIELD).value == pytest.approx(0, abs=1e-9)


def test_what_was_not_run_in_both_settings_is_said():
  ablation = changes.compare(usual(0.6, 0.62), [ADDED])
  assert len(changes.missing(ablation)) == 7
  both = changes.compare(usual(0.6, 0.62), [ADDED, TAKEN])
  assert 'a fifth of the L2 weight' not in changes.missing(both)


def test_the_table_has_a_row_for_each_setting_and_one_for_both():
  lines = changes.table(changes.compare(usual(0.6, 0.62), [ADDED, TAKEN])).splitlines()
  assert len(lines) == 2 + 3
  assert '**mean of both**' in lines[-1] and '1, 2' in lines[2]


def ablated(gain, seeds=2):
  """Both settings; the smaller L2 weight gains so much accuracy in each."""
  usual = [
    short(name, seed, steps=4_000, limit=0.6 + 0.001 * seed)
    for name in ('bn_baseline', 'bn_x5')
    for seed in range(seeds)
  ]
  added = short(
    'bn_baseline', steps=4_000, limit=0.6 + gain, name='bn_baseline_with_l2'
  )
  taken = short('bn_x5', steps=4_000, limit=0.6 - gain, name='bn_x5_without_l2')
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
    short(name, seed, steps=4_000, limit=0.6 + 0.0005 * seed)
    for name in ('bn_baseline', 'bn_x5')
    for seed in range(3)
  ]
  field = 'learning_rate_decay_every'
  both = [
    short('bn_baseline', steps=4_000, limit=0.6, name=f'bn_baseline_with_{field}'),
    short('bn_x5', steps=4_000, limit=0.6, name=f'bn_x5_without_{field}'),
  ]
  made = Made(networks=[*PLAIN, *usual], ablation=both)
  assert verdict('19', made) == SUPPORTED


def test_17_speed_and_overfitting_are_two_claims():
  """Without dropout half the steps, and the gap is as wide."""
  usual = [*several('bn_baseline', 80_000, 82_000), *several('bn_x5', 40_000, 41_000)]
  added = short('bn_baseline', limit=0.8, steps=40_000, name='bn_baseline_with_dropout')
  taken = short('bn_x5', limit=0.8, steps=80_000, name='bn_x5_without_dropout')
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
    short('bn_baseline', steps=4_000, limit=0.7, name=f'bn_baseline_with_{field}'),
    short('bn_x5', steps=4_000, limit=0.5, name=f'bn_x5_without_{field}'),
  ]
  made = Made(networks=usual, ablation=both)
  assert measured('22', made).effect.low > 5
  assert verdict('22', made) == INCONCLUSIVE
