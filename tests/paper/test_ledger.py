"""The rule of the verdicts, and Holm's correction."""

import math

import pytest
from scipy import stats

from bn_repro.paper import ledger
from bn_repro.paper.ledger import Claim, Finding, Missing
from bn_repro.report import effects
from bn_repro.report.intervals import Spread
from bn_repro.run.errors import UserError
from support import PROJECT


def claim(**changed):
  usual = {'number': 1, 'part': '', 'section': '', 'claim': '', 'experiment': '',
           'command': '', 'margin': 1.0}  # fmt: skip
  return Claim(**usual | changed)


def effect_of(low, high):
  """With Student's test of 4 degrees of freedom."""
  error = (high - low) / 2 / stats.t.ppf(0.975, 4)
  return effects.of_estimate((low + high) / 2, Spread(error, 4))


def verdict(claim, effect, **more):
  return ledger.verdict(claim, Finding(effect, 2, 'seeds', 'text', **more))


@pytest.mark.parametrize(
  'side, low, high, expected',
  [
    ('above', 1.1, 3.0, ledger.SUPPORTED),
    ('above', 0.2, 0.9, ledger.CONTRADICTED),
    ('above', 0.9, 3.0, ledger.INCONCLUSIVE),
    ('below', 0.2, 0.9, ledger.SUPPORTED),
    ('below', 1.1, 3.0, ledger.CONTRADICTED),
    ('below', 0.9, 1.1, ledger.INCONCLUSIVE),
    ('within', -0.9, 0.9, ledger.SUPPORTED),
    ('within', -1.3, 0.5, ledger.INCONCLUSIVE),
    ('within', 1.1, 2.0, ledger.CONTRADICTED),
    ('within', -3.0, -1.1, ledger.CONTRADICTED),
    ('above', math.nan, math.nan, ledger.INCONCLUSIVE),
  ],
)
def test_the_interval_decides_on_which_side_of_the_margin_it_lies(
  side, low, high, expected
):
  assert verdict(claim(side=side), effect_of(low, high)) == expected


def test_an_equivalence_is_two_tests_at_5_percent_and_so_the_90_percent_interval():
  """Of an error of 1 with 4 degrees of freedom it is 2.13 wide, not 2.78."""
  for value, expected in ((0.8, ledger.SUPPORTED), (0.9, ledger.INCONCLUSIVE)):
    effect = effects.of_estimate(value, Spread(1.0, 4))
    assert verdict(claim(side='within', margin=3.0), effect) == expected


def test_too_few_steps_or_data_chosen_after_looking_give_no_verdict():
  clear = effect_of(2.0, 3.0)
  assert verdict(claim(), clear, too_little='short') == ledger.INCONCLUSIVE
  assert verdict(claim(withheld='chosen'), clear) == ledger.INCONCLUSIVE


@pytest.mark.parametrize(
  'value, expected', [(1e-6, ledger.IDENTITY), (1e-3, ledger.CONTRADICTED)]
)
def test_an_identity_is_verified_and_not_supported(value, expected):
  identity = claim(kind='identity', margin=1e-4, side='below')
  assert verdict(identity, effects.exactly(value)) == expected


def test_holm_multiplies_the_smallest_p_most_and_never_falls():
  """By hand: 0.01 * 4, 0.02 * 3, max(0.06, 0.025 * 2), 0.5."""
  adjusted = ledger.holm([0.5, 0.01, math.nan, 0.025, 0.02], number=4)
  assert adjusted[:2] == [0.5, 0.04]
  assert math.isnan(adjusted[2])
  assert adjusted[3:] == pytest.approx([0.06, 0.06])


def test_a_test_without_p_does_not_make_the_family_smaller():
  """As if its p were 1: otherwise a claim that fails would help the others."""
  without = ledger.holm([0.01, math.nan, 0.02], number=3)
  assert without[::2] == ledger.holm([0.01, 1.0, 0.02], number=3)[::2]


def test_p_of_an_equivalence_is_the_larger_of_two_one_sided_tests():
  effect = effects.of_values([-0.2, 0.1, 0.3, 0.0])
  both = [effect.p_value(margin) / 2 for margin in (-1, 1)]
  assert ledger.p_value(claim(side='within'), effect) == max(both)
  assert ledger.p_value(claim(), effect) == effect.p_value(1.0)


def test_a_claim_without_a_margin_or_side_is_refused(tmp_path):
  words = "[[claim]]\nnumber = 3\npart = 'a'\nsection = ''\nclaim = ''\n"
  path = tmp_path / 'claims.toml'
  path.write_text(words + "experiment = ''\ncommand = ''\n")
  with pytest.raises(UserError, match=r'claims\.toml: claim 3a has no margin'):
    ledger.read_claims(path)
  path.write_text(path.read_text() + "margin = 1.0\nside = 'left'\n")
  with pytest.raises(UserError, match="no side 'left'; choose above"):
    ledger.read_claims(path)


def test_runs_that_are_too_few_are_no_evidence():
  """They are not among the files behind a claim either."""
  evidence = ledger.Evidence(PROJECT / 'results')
  with pytest.raises(Missing, match=r'figure1\.json with 11 runs'):
    evidence.runs('mnist', 'figure1', at_least=11)
  assert evidence.files == []
  assert len(evidence.runs('mnist', 'figure1', at_least=10)) == 10
  assert evidence.files == ['mnist/figure1_curves.csv', 'mnist/figure1.json']
