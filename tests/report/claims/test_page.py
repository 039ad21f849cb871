"""The ledger has every claim, and is what the committed results give."""

import json
import math

import pytest

from bn_repro.report.claims import changes, ledger, multilayer, page
from bn_repro.report.claims.ledger import Missing, tried
from report.claims.made import PLAIN, Made, seeds
from support import PROJECT

RESULTS = PROJECT / 'results'


@pytest.mark.parametrize(
  'measure, made, lacking',
  [
    (changes.sigmoids_alone, {'learning_rates': [PLAIN]}, 'inception_sigmoid'),
    (changes.diverges, {'networks': [PLAIN], 'learning_rates': [PLAIN]}, '0.0075'),
    (multilayer.steadier, {'figure1': seeds('baseline', [1])}, 'batch_norm'),
    (
      multilayer.jacobians,
      {'optimization': [*seeds('baseline', [1], [1]), *seeds('batch_norm', [1])]},
      'same seeds',
    ),
  ],
)
def test_half_a_sweep_has_no_verdict(measure, made, lacking):
  with pytest.raises(Missing, match=lacking):
    measure(Made(**made))


def test_there_are_thirty_claims_in_order():
  assert [claim.number for claim in page.CLAIMS] == list(range(1, 31))


def test_what_was_not_run_has_no_verdict(tmp_path):
  for claim in page.CLAIMS:
    found = tried(claim, tmp_path)
    untestable = claim.verdict == ledger.UNTESTABLE
    assert found['verdict'] == (ledger.UNTESTABLE if untestable else ledger.UNTRIED)


@pytest.fixture(scope='module')
def committed():
  return json.loads((RESULTS / 'claims.json').read_text())


def test_the_ledger_is_what_the_results_say(committed):
  """Verdicts and numbers: computed again from the summaries and pages."""
  for found, expected in zip(page.entries(RESULTS), committed, strict=True):
    assert found.keys() == expected.keys()
    for name, value in found.items():
      if isinstance(value, float):
        assert expected[name] == pytest.approx(value, rel=1e-4), found['number']
      else:
        assert expected[name] == value, found['number']


def test_no_verdict_without_numbers_behind_it(committed):
  for entry in committed:
    if entry['verdict'] in (ledger.REPRODUCED, ledger.SCALED, ledger.FAILED):
      assert entry['files'] and entry['n'] >= 1
      assert all((RESULTS / file).exists() for file in entry['files'])
      assert 'value' in entry or entry['verdict'] == ledger.FAILED
      assert math.isfinite(entry.get('value', 0))


def test_the_page_is_made_from_the_ledger(committed):
  assert (RESULTS / 'claims.md').read_text() == page.text(committed)


def test_experiments_that_claims_name_are_there(committed):
  for entry in committed:
    for path in entry['experiment'].split(', '):
      assert (PROJECT / path.partition(':')[0]).exists(), path
