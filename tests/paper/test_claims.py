"""The ledger has every claim, and is what the committed results give."""

import json
import re
import shutil

import jsonschema
import pytest
from paper.claims_made import Made, measured, seeds
from paper.inception_made import PLAIN

from bn_repro.paper import claims as claims_lib
from bn_repro.paper import ledger
from bn_repro.paper.ledger import Missing
from support import PROJECT

RESULTS = PROJECT / 'results'
OUT_OF_SCOPE = {'8', '26'}


@pytest.mark.parametrize(
  'key, made, lacking',
  [
    ('14', {'learning_rates': PLAIN}, 'inception_sigmoid'),
    ('16', {'stage2_rates': PLAIN}, 'all runs of its sweep'),
    ('2', {'figure1': seeds('baseline', [1])}, 'batch_norm'),
    (
      '28',
      {'optimization': [*seeds('baseline', [1], [1]), *seeds('batch_norm', [1])]},
      'same seeds',
    ),
  ],
)
def test_half_a_sweep_has_no_verdict(key, made, lacking):
  with pytest.raises(Missing, match=lacking):
    measured(key, Made(**made))


def test_there_are_thirty_claims_in_order_and_each_is_measured():
  assert sorted({claim.number for claim in ledger.read_claims()}) == list(range(1, 31))
  keys = [claim.key for claim in ledger.read_claims()]
  assert keys == sorted(keys, key=lambda key: (int(key.rstrip('ab')), key))
  assert claims_lib.MEASURES.keys() == set(keys) - OUT_OF_SCOPE


def test_claims_that_say_two_things_are_split():
  split = {claim.number for claim in ledger.read_claims() if claim.part == 'b'}
  assert split == {1, 3, 11, 12, 13, 17}


def test_the_family_of_holms_correction():
  primary = {claim.number for claim in ledger.read_claims() if claim.primary}
  assert primary == {9, 10, 11, 12, 13, *range(17, 23)}


def test_what_was_not_run_has_no_verdict(tmp_path):
  for entry in claims_lib.entries(tmp_path):
    out = str(entry['number']) in OUT_OF_SCOPE
    assert entry['verdict'] == (ledger.OUT_OF_SCOPE if out else ledger.UNTRIED)


@pytest.fixture(scope='module')
def committed():
  return json.loads((RESULTS / 'claims.json').read_text())


def test_the_ledger_is_what_the_results_say(committed):
  """Verdicts and numbers: computed again from the summaries and pages."""
  for entry, expected in zip(claims_lib.entries(RESULTS), committed, strict=True):
    assert entry.keys() == expected.keys()
    for name, value in entry.items():
      if isinstance(value, float):
        assert expected[name] == pytest.approx(value, rel=1e-4), entry['number']
      else:
        assert expected[name] == value, entry['number']


def test_the_ledger_follows_its_schema(committed, tmp_path):
  schema = json.loads((RESULTS / 'claims.schema.json').read_text())
  validator = jsonschema.Draft202012Validator(schema)
  validator.check_schema(schema)
  validator.validate(committed)
  validator.validate(claims_lib.entries(tmp_path))
  assert not validator.is_valid([committed[0] | {'verdict': 'reproduced'}])


def test_a_verdict_has_a_number_an_interval_and_the_files_behind_it(committed):
  for entry in committed:
    if entry['verdict'] in (ledger.SUPPORTED, ledger.CONTRADICTED):
      assert entry['n'] >= 1 and entry['files']
      assert entry['low'] is not None or entry['high'] is not None
      assert all((RESULTS / file).exists() for file in entry['files'])


def copied(files, folder):
  """Evidence of these files of results/ alone."""
  for file in files:
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(RESULTS / file, folder / file)
  return ledger.Evidence(folder)


def test_a_number_follows_from_the_files_that_its_claim_names_alone(
  committed, tmp_path
):
  for entry in filter(lambda entry: entry['files'], committed):
    key = f'{entry["number"]}{entry["part"]}'
    finding = measured(key, copied(entry['files'], tmp_path / key))
    assert finding.effect.value == pytest.approx(entry['value'], rel=1e-4), key


def test_the_number_of_claim_23_follows_the_curves(committed, tmp_path):
  """With twice the steps for BN-x30 in all curves, half the speed-up."""
  (entry,) = (entry for entry in committed if entry['number'] == 23)
  evidence = copied(entry['files'], tmp_path)
  twice = lambda match: f'{match[1]}{2 * int(match[2])},'
  for curves in tmp_path.glob('inception/*_curves.csv'):
    text = re.sub(r'^(bn_x30_seed\d+,)(\d+),', twice, curves.read_text(), flags=re.M)
    curves.write_text(text)
  effect = claims_lib.MEASURES['23'](evidence).effect
  assert effect.value == pytest.approx(entry['value'] / 2, rel=0.05)


def test_a_claim_names_the_function_that_computes_it(committed):
  for entry in filter(lambda entry: entry['computed_by'], committed):
    file, function = entry['computed_by'].split(':')
    assert f'\ndef {function}(' in (PROJECT / file).read_text()


def test_the_page_is_made_from_the_ledger(committed):
  assert (RESULTS / 'claims.md').read_text() == claims_lib.text(committed)


def test_the_readme_counts_the_verdicts():
  assert claims_lib.headline(RESULTS) in (PROJECT / 'README.md').read_text()


def test_experiments_that_claims_name_are_there(committed):
  for entry in committed:
    for path in entry['experiment'].split(', '):
      assert (PROJECT / path.partition(':')[0]).exists(), path


@pytest.mark.parametrize(
  'low, high, expected',
  [(None, None, ''), (0, None, 'not bounded'), (0, 2.2, 'at most 2.2 times'),
   (2, None, 'at least 2 times'), (2, 4, '3 (2 to 4) times')],
)  # fmt: skip
def test_an_interval_may_lack_one_end_or_both(low, high, expected):
  value = None if high is None or not low else 3
  entry = {'value': value, 'low': low, 'high': high, 'unit': 'times'}
  assert claims_lib.with_interval(entry) == expected
