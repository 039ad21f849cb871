"""Runs hostile cases, some at a time, and judges what the program answered.

A mistake is refused as it should be if the program ends within `SECONDS`, with exit
code 2 or another that `--help` documents, one line on stderr and nothing written
outside its workdir. Does not know what is wrong with a case.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from bn_repro.run import config as config_lib
from reliability.hostile_case import FOLDER, Case, measured
from reliability.hostile_commands import generate
from support import PROJECT, clean_environment

SECONDS = 30
# For a run that is no mistake, and trains on a machine that others use, too.
SECONDS_TO_TRAIN = 120
REFUSED = 2
# Of a run that went well, a machine that failed, a run that was stopped.
DOCUMENTED = (0, REFUSED, 71, 75, 130)
LONGEST_LINE = 2_000


class Outcome(NamedTuple):
  """What came of a case: 'refused', 'accepted' or 'failed', and why."""

  case: Case
  verdict: str
  problems: tuple[str, ...]
  code: int
  seconds: float
  stderr: str


class Server:
  """A process of `fork_server.py`: one case at a time."""

  def __init__(self, base: Path, imported: Iterable[str] = ()):
    self._base = base
    self._process = subprocess.Popen(
      [sys.executable, str(Path(__file__).with_name('fork_server.py')), *imported],
      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
      env=clean_environment() | _environment(base),
    )  # fmt: skip

  def run(self, case: Case) -> Outcome:
    """Lays the case's files out, runs it and takes them away again."""
    root = Path(tempfile.mkdtemp(dir=self._base))
    folder = root / 'folder'
    for directory in (folder, root / 'outputs', root / 'temporary'):
      directory.mkdir()
    (folder / 'configs').symlink_to(PROJECT / 'configs')
    case.lay_out(folder)
    before = _contents(folder, folder / case.workdir)
    answer = self._ask(_request(case, root))
    outcome = judge(case, answer, root, before)
    shutil.rmtree(root, ignore_errors=True)
    return outcome

  def _ask(self, request: dict) -> dict:
    self._process.stdin.write(json.dumps(request) + '\n')
    self._process.stdin.flush()
    return json.loads(self._process.stdout.readline())

  def close(self) -> None:
    """Ends the process."""
    self._process.stdin.close()
    self._process.wait()
    self._process.stdout.close()


def _cache(base: Path) -> str:
  """Where compiled programs are: with those of the suite, if it keeps any."""
  return os.environ.get('JAX_COMPILATION_CACHE_DIR', str(base / 'compiled'))


def _environment(base: Path) -> dict[str, str]:
  return {
    'PYTHONDONTWRITEBYTECODE': '1',
    'JAX_PLATFORMS': 'cpu',
    'JAX_COMPILATION_CACHE_DIR': _cache(base),
    'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0.3',
  }


def _request(case: Case, root: Path) -> dict:
  folder, temporary = root / 'folder', root / 'temporary'
  environment = {**case.environment, 'TMPDIR': str(temporary)}
  allowed = (folder / case.workdir, temporary, _cache(root.parent), '/dev/null')
  return {
    'arguments': [word.replace(FOLDER, str(folder)) for word in case.arguments],
    'directory': str(folder),
    'outputs': str(root / 'outputs'),
    'environment': {k: v.replace(FOLDER, str(folder)) for k, v in environment.items()},
    'allowed': list(map(str, allowed)),
    'seconds': SECONDS if case.is_mistake else SECONDS_TO_TRAIN,
  }


def _contents(folder: Path, workdir: Path) -> dict[str, tuple]:
  """Name, kind, size and time of all in the folder but the workdir."""
  found, waiting = {}, [folder]
  while waiting:
    for entry in os.scandir(waiting.pop()):
      status = entry.stat(follow_symlinks=False)
      is_directory = entry.is_dir(follow_symlinks=False)
      if is_directory and Path(entry.path) == workdir:
        continue
      # The time of a directory changes with the workdir in it.
      times = () if is_directory else (status.st_size, status.st_mtime_ns)
      found[entry.path] = (status.st_mode, *times)
      if is_directory:
        waiting.append(Path(entry.path))
  return found


def judge(case: Case, answer: dict, root: Path, before: dict) -> Outcome:
  """What is to be said against the answer to a case, and the verdict."""
  stderr = (root / 'outputs' / 'stderr').read_bytes().decode(errors='backslashreplace')
  touched = (root / 'outputs' / 'touched').read_text().splitlines()
  after = _contents(root / 'folder', root / 'folder' / case.workdir)
  strange = sorted(
    path for path in before | after if before.get(path) != after.get(path)
  )
  problems = [
    *_wrong_ending(answer, stderr),
    *(f'touched outside the workdir: {line}' for line in touched[:3]),
    *(f'changed outside the workdir: {path}' for path in strange[:3]),
  ]
  if answer['code'] == 0:
    problems += _wrong_acceptance(case, root / 'folder' / case.workdir)
  verdict = 'accepted' if answer['code'] == 0 else 'refused'
  return Outcome(
    case,
    'failed' if problems else verdict,
    tuple(problems),
    answer['code'],
    answer['seconds'],
    stderr,
  )


def _wrong_ending(answer: dict, stderr: str) -> Iterator[str]:
  if answer['is_late']:
    yield f'did not end within {answer["seconds"]:.0f} seconds'
  if answer['left_processes']:
    yield 'left processes behind'
  if 'Traceback' in stderr:
    yield 'a traceback'
  if answer['code'] not in DOCUMENTED:
    yield f'exit code {answer["code"]}'
  if answer['code'] == 0:
    return
  # A run that had begun leaves its progress bar, and an end of line after it.
  text = stderr.replace('\r', '\n')
  lines = [line for line in text.splitlines() if line and 'step/s' not in line]
  if len(lines) != 1 or not lines[0].startswith('error: '):
    yield f'{len(lines)} lines on stderr'
  elif not lines[0].isprintable() or len(lines[0]) > LONGEST_LINE:
    yield 'a line that is too long or not printable'


def _wrong_acceptance(case: Case, workdir: Path) -> Iterator[str]:
  """A mistake must not be accepted; what is none must be stored as it was meant."""
  if case.is_mistake:
    yield 'accepted'
  elif case.expected:
    stored = config_lib.flatten(json.loads((workdir / 'config.json').read_text()))
    for field, value in case.expected.items():
      if stored.get(field) != value:
        yield f'{field} is {stored.get(field)!r}, not {value!r}'
  elif case.measured is not None and measured(workdir) != case.measured:
    yield 'other numbers than without the damage'


def run_cases(
  cases: Iterable[Case], jobs: int = 2, imported: Iterable[str] = ()
) -> list[Outcome]:
  """The outcomes of cases, in their order.

  Args:
    imported: modules that the servers import before they fork, so that no case does.
  """
  base = Path(tempfile.mkdtemp(prefix='hostile_'))
  servers: list[Server] = []
  mine = threading.local()

  def run(case: Case) -> Outcome:
    if not hasattr(mine, 'server'):
      mine.server = Server(base, imported)
      servers.append(mine.server)
    return mine.server.run(case)

  try:
    with ThreadPoolExecutor(jobs) as workers:
      return list(workers.map(run, cases))
  finally:
    for server in servers:
      server.close()
    shutil.rmtree(base, ignore_errors=True)


def run_all(seed: int, number: int, jobs: int = 2) -> list[Outcome]:
  """The outcomes of so many generated cases, of every category."""
  return run_cases(generate(seed, number), jobs)


def counted(outcomes: Iterable[Outcome]) -> dict[str, dict[str, int]]:
  """For each category how many were injected, refused, accepted and failed."""
  rows: dict[str, dict[str, int]] = {}
  for outcome in outcomes:
    empty = dict.fromkeys(('injected', 'refused', 'accepted', 'failed'), 0)
    row = rows.setdefault(outcome.case.category, empty)
    row['injected'] += 1
    row[outcome.verdict] += 1
  return rows


def note(outcomes: Iterable[Outcome], record_property: Callable) -> None:
  """Notes for scripts/reliability.py how many there were, and how many did harm."""
  for category, row in counted(outcomes).items():
    record_property('faults', (category, row['injected'], row['failed']))


def told(outcomes: Iterable[Outcome]) -> str:
  """The failures, one paragraph each; empty if there are none."""
  return '\n'.join(
    f'{o.case.category}: {o.case.name}: {"; ".join(o.problems)} (exit code {o.code}, '
    f'{o.seconds:.1f} s)\n    {o.stderr[-600:]}'
    for o in outcomes
    if o.verdict == 'failed'
  )
