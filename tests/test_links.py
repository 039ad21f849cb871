"""Every relative link of the project's pages leads somewhere."""

import re

import pytest

from support import PROJECT

PAGES = [
  *PROJECT.glob('*.md'), *(PROJECT / 'docs').glob('*.md'),
  *(PROJECT / 'results').rglob('*.md'), *(PROJECT / 'findings').glob('*.md'),
]  # fmt: skip
LINK = re.compile(r'\]\((?!https?:)([^)#\s]+)?(#[^)\s]+)?\)')


def anchors(page):
  """The anchors of a page's headings."""
  headings = re.findall(r'^#+ (.*)$', page.read_text(), re.MULTILINE)
  plain = (re.sub(r'[^\w\s-]', '', heading.lower()) for heading in headings)
  return {'#' + heading.strip().replace(' ', '-') for heading in plain}


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page):
  for path, anchor in LINK.findall(page.read_text()):
    target = (page.parent / path).resolve() if path else page
    assert target.exists(), path
    if anchor and target.suffix == '.md':
      assert anchor in anchors(target), anchor
