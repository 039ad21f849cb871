"""Pages for readers lead where they say, and the reading guide leaves out no claim."""

import re

import jinja2
import pytest

from bn_repro.paper.ledger import read_claims
from bn_repro.report import pages
from bn_repro.report.pages import Missing, Results
from support import PROJECT

PAGES = sorted(
  path.relative_to(PROJECT)
  for path in (PROJECT / 'README.md', *(PROJECT / 'results').rglob('*.md'))
)
LINK = re.compile(r'\]\(([^)\s#]+)[^)]*\)')


@pytest.mark.parametrize('path', PAGES, ids=str)
def test_every_link_leads_somewhere(path):
  text = re.sub(r'\s+', ' ', (PROJECT / path).read_text())
  links = [link for link in LINK.findall(text) if not link.startswith('http')]
  folder = (PROJECT / path).parent
  assert [link for link in links if not (folder / link).exists()] == []


def test_the_reading_guide_names_every_claim():
  """By numbers in parentheses: (7), (9 to 13, 23), (17 on Inception ...)."""
  text = (PROJECT / 'results' / 'reading_guide.md').read_text()
  named = set()
  for inside in re.findall(r'\(([^()\]]*)\)', text):
    for first, last in re.findall(r'\b(\d+)(?: to (\d+))?\b', inside):
      named |= set(range(int(first), int(last or first) + 1))
  assert {claim.number for claim in read_claims()} <= named


def test_a_value_that_a_template_lacks_is_an_error():
  with pytest.raises(jinja2.UndefinedError):
    pages.render('section_4_1_grid', runs=1)


def test_what_is_missing_is_named_with_its_folder(tmp_path):
  results = Results(tmp_path / 'analysis')
  with pytest.raises(Missing, match=r'^analysis/placement\.json$'):
    results.runs('placement')
  with pytest.raises(Missing, match=r'^analysis/toy_bias\.json$'):
    results.page('toy_bias')
