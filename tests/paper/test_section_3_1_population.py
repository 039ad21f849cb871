"""results/population follows from the files beside it."""

import json

import pytest
from paper.claims_made import Made, measured, verdict
from PIL import Image

from bn_repro.paper import section_3_1_population as population
from bn_repro.paper.ledger import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from bn_repro.report import figures
from bn_repro.run.errors import UserError
from support import PROJECT

RESULTS = PROJECT / 'results' / 'population'


@pytest.fixture(scope='module')
def pages():
  return [json.loads((RESULTS / f'{n}.json').read_text()) for n in population.FILES]


def test_the_page_is_made_from_both_files(pages):
  assert (RESULTS / 'README.md').read_text() == population.text(*pages)


def test_the_figures_were_drawn_from_them(pages):
  for name, page in zip(population.FILES, pages):
    with Image.open(RESULTS / f'{name}.png') as picture:
      assert picture.text['Description'] == figures.digest_of_page(page)


def test_more_mini_batches_leave_less_to_chance(pages):
  """Deviations fall about as 1 / root of the number, from 1 to 100."""
  rows = {row['mini_batches']: row for row in pages[0]['rows']}
  assert {1, 3, 10, 30, 100, 300} == rows.keys()
  for name in ('deviation_of_mean', 'deviation_of_variance'):
    assert rows[1][name] / rows[100][name] == pytest.approx(10, rel=0.3)


def test_both_were_measured_on_one_checkpoint(pages):
  assert pages[0]['checkpoint'] == pages[1]['checkpoint']
  assert not any(page['git_revision'].endswith('dirty') for page in pages)


def row(shift, amount, before, after):
  return {
    'shift': shift, 'amount': amount, 'images': 200, 'right_before': before,
    'right_after': after,
  }  # fmt: skip


def test_the_finding_names_the_largest_gain_and_the_smallest():
  rows = [
    row('none', None, 100, 98),
    row('blur', 2.0, 50, 90),
    row('blur', 1.0, 80, 81),
  ]
  assert population.finding(rows) == (
    'new statistics gain most with blur 2, +20.0 points, and least with blur 1, +0.5; '
    '1 of 2 shifts gain more than the 6.9 points of uncertainty; without a shift the '
    'change is -1.0'
  )


def test_a_missing_file_says_what_makes_it(tmp_path):
  with pytest.raises(UserError, match=r'bn_repro\.analysis population_batches'):
    population.write(tmp_path)


@pytest.mark.parametrize(
  'after, expected',
  [
    ((90, 89, 91), SUPPORTED),
    ((90, 60, 75), INCONCLUSIVE),
    ((62, 61, 63), CONTRADICTED),
  ],
)
def test_30_the_recovered_share_of_what_a_shift_costs(after, expected):
  """A shift costs 35 of 95; one that costs nothing does not count."""
  of_100 = lambda *values: row(*values) | {'images': 100}
  rows = [of_100('none', None, 95, 94), of_100('blur', 9, 95, 96)]
  rows += [of_100('blur', amount, 60, right) for amount, right in enumerate(after, 1)]
  made = Made(shifted_data={'rows': rows})
  assert verdict('30', made) == expected
  assert measured('30', made).number == 3
