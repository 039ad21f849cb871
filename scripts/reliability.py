"""Injects faults into the program and makes a table of the outcomes.

python scripts/reliability.py                      results/reliability.md and .json
python scripts/reliability.py --from FILE.xml...   the same, of earlier pytest runs

Runs the long form of tests/reliability, about an hour on two cores, and the tests of
checkpoints, devices, advice and the training loop. What a fault may do is in those
tests; here they are only counted. With `--from`, parts of the page that the reports do
not have stay as they are.
"""

import argparse
import ast
import itertools
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import jax
from project import PROJECT

from bn_repro.report import tables
from bn_repro.run import config as config_lib
from bn_repro.run import places, provenance

RESULTS = PROJECT / 'results'
TESTS = (
  'tests/reliability', 'tests/run/test_checkpoint.py', 'tests/run/test_devices.py',
  'tests/remedies', 'tests/training/test_loop.py',
)  # fmt: skip
TEXTS = tomllib.loads(Path(__file__).with_suffix('.toml').read_text())
PARTS = TEXTS['part']
PART_OF = {module: part['title'] for part in PARTS for module in part['modules']}
# Commands that ask for what cannot be; nothing failed there.
BAD_INPUT = ('Hostile commands', 'Places')


class Fault(NamedTuple):
  """Faults of one kind: how many, and how many did harm or could not be tried."""

  part: str
  kind: str
  injected: int
  harmful: int
  untried: int


def main() -> int:
  """Runs the tests, or reads the reports of `--from`; returns pytest's exit code."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--from', nargs='+', help="pytest's JUnit XML")
  arguments = places.parsed(parser, **{'from': places.existing_file})
  reports, code, before = getattr(arguments, 'from'), 0, {}
  path = RESULTS / 'reliability.json'
  if reports:
    before = config_lib.read_json(path) if path.exists() else {}
  else:
    reports = [Path(tempfile.mkdtemp()) / 'report.xml']
    code = run_tests(*reports)
  content = merged(before, read(reports), origin())
  config_lib.write_json(path, content)
  path.with_suffix('.md').write_text(page(content))
  print(f'written: {path.with_suffix(".md")}')
  return code


def merged(
  before: dict[str, Any], faults: list[Fault], where: dict[str, Any]
) -> dict[str, Any]:
  """The content of reliability.json: each part as it was last run, and on which code.

  Args:
    before: the earlier content, whose parts stay where `faults` has none of them.
    faults: that the tests noted now.
    where: the code, the versions and the machine of now.
  """
  new = {fault.part for fault in faults}
  kept = [row for row in before.get('faults', []) if row['part'] not in new]
  rows = kept + [fault._asdict() for fault in faults]
  origins = before.get('origins', {}) | dict.fromkeys(new, where)
  return {'origins': origins, 'faults': rows}


def run_tests(report: Path) -> int:
  """Runs the long form and the short one; returns pytest's exit code."""
  command = [sys.executable, '-m', 'pytest', '-m', '', f'--junitxml={report}', *TESTS]
  return subprocess.run(command, cwd=PROJECT).returncode


def read(reports: list[Path]) -> list[Fault]:
  """The faults that tests noted in pytest's reports, summed by kind."""
  cases = [
    case for path in reports for case in ElementTree.parse(path).iter('testcase')
  ]
  sums: dict[tuple[str, str], tuple[int, ...]] = {}
  for part, kind, *counts in itertools.chain(*map(noted, cases)):
    before = sums.get((part, kind), (0,) * len(counts))
    sums[part, kind] = tuple(map(sum, zip(before, counts)))
  return [Fault(*kind, *counts) for kind, counts in sums.items()]


def noted(case: ElementTree.Element) -> Iterator[Fault]:
  """What one test noted; a failure that it did not count counts once.

  One that failed before it could note anything counts under its name.
  """
  part = PART_OF[case.get('classname').rpartition('.')[2]]
  properties = case.iterfind("properties/property[@name='faults']")
  faults = [ast.literal_eval(each.get('value')) for each in properties]
  is_skipped = case.find('skipped') is not None
  has_failed = {'failure', 'error'} & {child.tag for child in case}
  if has_failed and not faults:
    faults = [(case.get('name'), 1, 1)]
  least = 1 if has_failed and not any(harmful for _, _, harmful in faults) else 0
  for kind, number, harmful in faults:
    injected, untried = (0, number) if is_skipped else (number, 0)
    yield Fault(part, kind, injected, max(harmful, least), untried)


def origin() -> dict:
  """The code, the versions and the machine."""
  return {
    'git_revision': provenance.git_revision(),
    'device': provenance.device(jax.devices()),
    'versions': provenance.versions(),
  }


def page(content: dict[str, Any]) -> str:
  """The Markdown page of reliability.json."""
  faults = [Fault(**row) for row in content['faults']]
  harmful = sum(fault.harmful for fault in faults)
  bad_inputs = sum(fault.injected for fault in faults if fault.part in BAD_INPUT)
  there = {fault.part for fault in faults}
  sections = [
    section(part['title'], part['text'], faults)
    for part in PARTS if part['title'] in there
  ]  # fmt: skip
  return TEXTS['page'].format(
    faults=sum(fault.injected for fault in faults) - bad_inputs,
    bad_inputs=bad_inputs,
    survived='All came through.' if not harmful else f'{harmful} did harm.',
    parts='\n'.join(sections),
    origins=table_of_origins(content['origins']),
  )


def table_of_origins(origins: dict[str, dict[str, Any]]) -> str:
  """Which code, versions and machine each part was run on, one row each."""
  versions = lambda where: ', '.join(f'{k} {v}' for k, v in where['versions'].items())
  rows = [
    (title, where['git_revision'][:10], where['device'], versions(where))
    for title, where in sorted(origins.items())
  ]
  return tables.markdown(('part', 'git revision', 'device', 'versions'), rows)


def section(title: str, text: str, faults: list[Fault]) -> str:
  """One kind of fault: what coming through means, and a table."""
  numbers = lambda f: (f.injected, f.injected - f.harmful, f.harmful, f.untried or '-')
  rows = [[f.kind, *map(str, numbers(f))] for f in faults if f.part == title]
  head = ('fault', 'injected', 'came through', 'did harm', 'could not be tried')
  return f'## {title}\n\n{text}\n\n{tables.markdown(head, rows)}\n'


if __name__ == '__main__':
  sys.exit(main())
