"""Injects faults into the program and tables what came of them.

python scripts/reliability.py                     results/reliability.md and .json
python scripts/reliability.py --from FILE.xml...   the same, of pytest runs before

Runs the long form of tests/reliability, about an hour on two cores, and the tests of
checkpoints. What a fault may do is in those tests; here they are only counted.
"""

import argparse
import ast
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import jax

from bn_repro import config as config_lib
from bn_repro import provenance
from bn_repro.report import tables

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / 'results'
TESTS = ('tests/reliability', 'tests/test_checkpoint.py', 'tests/test_train.py')
KILLED, DAMAGED, HOSTILE = 'Killed', 'Damaged files', 'Hostile commands'
# Test module: the part of the table.
PARTS = {
  'test_killing': (
    KILLED,
    'SIGKILL at a random moment, MLP and streaming Inception. The same command is '
    'given again, until the run ends. It came through if parameters, statistics, '
    'momentum, measurements, summary and TensorBoard are bit for bit those of a run '
    'that was left alone.',
  ),
  'test_signals': (
    'Stopped',
    'It came through if it saved, left in one line with its exit code, and the same '
    'command ended at the same bits.',
  ),
  'test_checkpoint': (
    'Damaged checkpoints',
    'It came through if the newest good one was taken, the damaged one moved aside '
    'and one warning said so; or, if none was good, nothing was touched.',
  ),
  'test_hostile_files': (
    DAMAGED,
    'A bit, a digit, a piece or all of one file, of a prepared data set or of a '
    'workdir. The run came through if it was refused in one line with a documented '
    'code, or ended with the numbers of one that found all as it was.',
  ),
  'test_resources': (
    'The machine',
    'It came through if it ended in one line with code 71, nothing good was lost, '
    'and the same command went on once the cause was gone.',
  ),
  'test_lock': (
    'Two runs in one workdir',
    'It came through if the second was refused while the first lived, and only then.',
  ),
  'test_partners': (
    'Several processes',
    'It came through if the others ended in one line within the limit, and all went '
    'on from the same step.',
  ),
  'test_train': (
    'Not finite',
    'It came through if the run stopped at the next record, said between which '
    'steps, and saved no such state.',
  ),
  'test_hostile_commands': (
    HOSTILE,
    'Words, values, configs, paths and workdirs. It came through if it was refused '
    'in one line, quickly, with nothing written outside the workdir; or, where it is '
    'odd but right, if it was taken for what it means.',
  ),
}
TEXT = """\
# Reliability

*Made by `scripts/reliability.py`; do not edit.* {injected:,} faults were injected into
the program. {survived}

{parts}
## Not promised

- The same bits on another number of devices, another processor or other versions: the
  numbers are then the same to rounding (but for dropout and noise on other devices,
  which each draw their own), and such a run may be resumed.
- That a checkpoint survives a power cut in the seconds after it was written: the one
  before does. Faults of that kind (the kernel's cache lost) were not injected.
- That a partner which lives but computes for ever is found. Partners were lost on one
  machine, with two processes and CPUs; GPUs, TPUs and networks were not tried.
- Anything where somebody changes a file and its digests alike.
- A lock between machines on a file system without locks: one warning says so.
- One line for a broken image with `config.dataset.workers` above 0: the libraries of
  those processes add lines of their own.

## Where the numbers come from

- command: `python scripts/reliability.py`{from_reports}
- git revision: {git_revision}
- device: {device}
- versions: {versions}
"""

FROM_REPORTS = (
  ', its parts run apart, some of them some commits before this revision, and put '
  'together with `--from`'
)


class Fault(NamedTuple):
  """Faults of one kind: how many, and how many did harm or could not be tried."""

  part: str
  kind: str
  injected: int
  harmful: int
  untried: int


def main() -> int:
  """Runs the tests unless told otherwise; returns pytest's exit code."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument(
    '--from', dest='reports', type=Path, nargs='+', help="pytest's JUnit XML"
  )
  given, code = parser.parse_args().reports, 0
  reports = given
  if not reports:
    reports = [Path(tempfile.mkdtemp()) / 'report.xml']
    code = run_tests(*reports)
  faults = read(reports)
  where = origin() | {'from_reports': FROM_REPORTS if given else ''}
  rows = [fault._asdict() for fault in faults]
  config_lib.write_json(RESULTS / 'reliability.json', where | {'faults': rows})
  (RESULTS / 'reliability.md').write_text(page(faults, where))
  print(f'written: {RESULTS / "reliability.md"}')
  return code


def run_tests(report: Path) -> int:
  """Runs the long form and the short one; returns pytest's exit code."""
  command = [sys.executable, '-m', 'pytest', '-m', '', f'--junitxml={report}', *TESTS]
  return subprocess.run(command, cwd=PROJECT).returncode


def read(reports: list[Path]) -> list[Fault]:
  """The faults that tests noted in pytest's reports, added up by kind."""
  counts: dict[tuple[str, str], Counter] = {}
  cases = (
    case for path in reports for case in ElementTree.parse(path).iter('testcase')
  )
  for case in cases:
    part, _ = PARTS[case.get('classname').rpartition('.')[2]]
    for kind, count in noted(case).items():
      counts.setdefault((part, kind), Counter()).update(count)
  return [
    Fault(part, kind, count['injected'], count['harmful'], count['untried'])
    for (part, kind), count in counts.items()
  ]


def noted(case: ElementTree.Element) -> dict[str, Counter]:
  """What one test noted, by kind; a failure that it did not count counts once.

  One that failed before it could note anything counts under its name.
  """
  properties = case.iterfind("properties/property[@name='faults']")
  faults = [ast.literal_eval(found.get('value')) for found in properties]
  is_skipped = case.find('skipped') is not None
  has_failed = {'failure', 'error'} & {child.tag for child in case}
  if has_failed and not faults:
    faults = [(case.get('name'), 1, 1)]
  is_counted = any(harmful for _, _, harmful in faults)
  least = 1 if has_failed and not is_counted else 0
  return {
    kind: Counter(
      injected=0 if is_skipped else injected,
      untried=injected if is_skipped else 0,
      harmful=max(harmful, least),
    )
    for kind, injected, harmful in faults
  }


def origin() -> dict:
  """The code, the versions and the machine."""
  return {
    'git_revision': provenance.git_revision(),
    'device': provenance.device(jax.devices()),
    'versions': provenance.versions(),
  }


def page(faults: list[Fault], where: dict) -> str:
  """The Markdown page; `where` is the `origin`, and how the reports came about."""
  lost, injected = (sum(f[i] for f in faults) for i in (3, 2))
  versions = ', '.join(f'{name} {v}' for name, v in where['versions'].items())
  return TEXT.format(
    injected=injected,
    survived='All came through.' if not lost else f'{lost} did harm.',
    parts='\n'.join(section(title, text, faults) for title, text in PARTS.values()),
    **where | {'versions': versions},
  )


def section(title: str, text: str, faults: list[Fault]) -> str:
  """One kind of fault: what coming through means, and a table."""
  rows = [
    (f.kind, str(f.injected), str(f.injected - f.harmful), str(f.harmful), _not(f))
    for f in faults
    if f.part == title
  ]
  head = ('fault', 'injected', 'came through', 'did harm', 'could not be tried')
  return f'## {title}\n\n{text}\n\n{tables.markdown(head, rows)}\n'


def _not(fault: Fault) -> str:
  return str(fault.untried) if fault.untried else '-'


if __name__ == '__main__':
  sys.exit(main())
