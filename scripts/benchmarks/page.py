"""The tables of results/benchmarks/README.md, from the JSON files beside it.

python scripts/benchmarks/page.py    writes them again
"""

import json
import sys
import tomllib
from pathlib import Path

# Whoever imports this file finds the project's own modules too. Last: tests that import
# it have a folder `reliability` of their own.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from project import PROJECT

from bn_repro.report import tables

RESULTS = PROJECT / 'results' / 'benchmarks'


def about_of(benchmark: str, **facts) -> str:
  """What the page says above a table."""
  texts = tomllib.loads(Path(__file__).with_name('about.toml').read_text())
  return texts[benchmark].format(**facts)


def absent(missing: dict[str, str]) -> list[str]:
  """A line for each rival that could not be measured."""
  return [f'Not available: {name}: {reason}' for name, reason in missing.items()]


def table(rows: list[dict]) -> str:
  """Markdown, with the columns in the order in which they first appear."""
  columns = list(dict.fromkeys(column for row in rows for column in row))
  cells = ([_cell(row.get(column)) for column in columns] for row in rows)
  return tables.markdown(columns, cells)


def _cell(value) -> str:
  if value is None:
    return ''
  if isinstance(value, float):
    # Three digits; more would not survive a second run.
    return f'{value:.0f}' if abs(value) >= 100 else f'{value:.3g}'
  return str(value)


def write_readme(results: Path) -> None:
  """The tables of README.md in a folder from all the JSON files beside it."""
  parts = []
  for path in sorted(results.glob('*.json')):
    content = json.loads(path.read_text())
    versions = ', '.join(f'{k} {v}' for k, v in content['versions'].items())
    parts += [
      f'### {path.stem}',
      content.get('about', ''),
      f'`{content["command"]}` on {content["device"]}, revision '
      f'`{content["git_revision"]}`, with {versions}.',
      table(content['table']),
      *absent(content['missing']),
    ]
  page = results / 'README.md'
  if page.exists():
    tables.replace_block(page, 'tables', '\n\n'.join(filter(None, parts)))


if __name__ == '__main__':
  write_readme(RESULTS)
