"""How high the learning rate can be, and the verdicts on it, follow from the runs."""

import pytest
from paper.claims_made import Made, measured, run, verdict
from paper.inception_made import PLAIN, learning, networks

from bn_repro.paper import section_4_2_rates as rates
from bn_repro.paper.ledger import CONTRADICTED, INCONCLUSIVE, SUPPORTED


def short(network, steps, **options):
  """A run of the sweep."""
  return learning(network, steps, horizon=6_000, **options)


@pytest.mark.parametrize('faster', [0.0075, 0.03])
def test_both_sides_are_taken_at_their_best_learning_rate(faster):
  sweep = [
    short('inception', 4_000, learning_rate=faster),
    short('inception', 90_000, learning_rate=0.3),
    short('bn_x5', 90_000, learning_rate=0.15),
  ]
  chosen = rates.at_best_rates(networks(), sweep)
  assert [r.config['learning_rate'] for r in chosen['inception']] == [faster]
  assert {r.config['learning_rate'] for r in chosen['bn_x5']} == {0.0075}
  text = rates.best_rates(networks(), sweep)
  assert f'Inception at {faster:g}' in text and '(one run)' in text


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
  finding = measured('15', Made(networks=PLAIN, learning_rates=sweep))
  assert finding.effect.high == pytest.approx(fails_from)
  assert verdict('15', Made(networks=PLAIN, learning_rates=sweep)) == expected


def test_15_without_a_failure_the_bracket_is_open():
  sweep = [run('inception', [10, 60], learning_rate=0.015)]
  finding = measured('15', Made(networks=PLAIN, learning_rates=sweep))
  assert finding.effect.low == pytest.approx(10) and finding.effect.high == float('inf')
  assert 'fails at none' in finding.text


def test_15_a_network_that_trains_at_no_rate_says_nothing():
  """That it fails at five times its learning rate, too, is no news."""
  plain = [run('inception', [10, 10])]
  sweep = [run('inception', [10, 10], learning_rate=0.0075)]
  made = Made(networks=plain, learning_rates=sweep)
  finding = measured('15', made)
  assert verdict('15', made) == INCONCLUSIVE
  assert 'never trains and fails at 1, 5 times' in finding.text
  assert finding.effect.low == 0 and finding.effect.high == pytest.approx(1)
