"""What every benchmark shares: its command line, its processes, its rounds, its page.

A benchmark is a docstring, settings, subjects, and two functions: one measures, the
other makes the table. Every subject is measured once a round, in turn with its rivals,
so that a slow minute of the machine affects them all; ratios are taken within a round.
"""

import argparse
import contextlib
import dataclasses
import importlib.metadata
import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import page
from page import RESULTS
from ratios import column
from tqdm import tqdm

from bn_repro.run import memory, places, provenance
from bn_repro.run.errors import UserError, last_line
from bn_repro.run.files import write_json

# As in a run, for processes of subjects, rivals too.
KEEPING_MEMORY = {name: str(value) for name, (_, value) in memory.SETTINGS.items()}
# By `time.monotonic`, when a measurement is given up; `within` sets it.
_deadline = math.inf
# Of any comparison so far: a time limit may leave fewer than were asked for.
_fewest_rounds = math.inf


class OutOfTime(UserError):
  """The time that was given for a measurement is over."""


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
  """Within the block, processes and rounds end when this time from now is over."""
  global _deadline
  before = _deadline
  _deadline = min(before, time.monotonic() + seconds)
  try:
    yield
  finally:
    _deadline = before


def seconds_left() -> float:
  """Until measurements are given up; infinite where no limit was set."""
  return _deadline - time.monotonic()


@dataclasses.dataclass(frozen=True)
class Benchmark:
  """One command of this folder.

  Attributes:
    doc: the docstring of its file.
    measure: from the options to the content of the JSON file: every round; `missing`,
      why rivals could not be measured; `device`, if not the first one here; and
      `facts`, for the text above the table alone.
    table: from that content to the table, a flat dict for each line.
    rounds: the default number and what is repeated; None where nothing is.
    options: adds those of this benchmark, given `add_argument`.
    pythons: rivals that may have a Python of their own, and the help of that flag.
    paths: other flags that are paths, and their kind (see `places`).
    name: of the JSON file, where it is not that of the script.
  """

  doc: str
  measure: Callable[[argparse.Namespace], dict]
  table: Callable[[dict], list[dict]]
  rounds: tuple[int, str] | None = None
  options: Callable[[Callable], None] = lambda add: None
  pythons: Mapping[str, str] = dataclasses.field(default_factory=dict)
  paths: Mapping[str, Callable] = dataclasses.field(default_factory=dict)
  name: str = ''

  def main(self) -> None:
    """Measures, writes the JSON file and the page, and prints the table."""
    options = self._options()
    try:
      with within(options.within):
        content = self.measure(options)
    except UserError as error:
      sys.exit(f'error: {error}')
    name = self.name or Path(sys.argv[0]).stem
    if self.rounds:
      options.rounds = int(min(options.rounds, _fewest_rounds))
    about = page.about_of(name, **vars(options) | content.pop('facts', {}))
    if 'device' not in content:
      content['device'] = provenance.device(jax.devices()[:1])
    rows, missing = self.table(content), content.pop('missing', {})
    content = {'table': rows, 'missing': missing, 'about': about} | content
    if accelerator := re.search(r'\b(gpu|tpu)\b', content['device']):
      name = f'{name}_{accelerator[0]}'
    name = options.name or name
    write_json(options.results / f'{name}.json', _origin(rows) | content)
    page.write_readme(options.results)
    print('\n\n'.join([page.table(rows), *page.absent(missing)]))

  def _options(self) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=self.doc.splitlines()[0])
    add, kinds = parser.add_argument, {'results': places.existing_folder, **self.paths}
    if self.rounds:
      number, what = self.rounds
      add('--rounds', type=int, default=number, help=f'{what} ({number})')
    self.options(add)
    for rival, help_ in self.pythons.items():
      add(f'--{rival}_python', default=sys.executable, metavar='PATH', help=help_)
      kinds[f'{rival}_python'] = places.existing_file
    add('--name', help='of the JSON file (as the benchmark; on a GPU with _gpu)')
    add('--results', default=str(RESULTS), help='its folder (results/benchmarks)')
    add('--within', type=float, default=math.inf, metavar='SECONDS',
        help='then what has been measured is written (no limit)')  # fmt: skip
    options = places.parsed(parser, **kinds)
    for name in kinds:
      if path := getattr(options, name):
        setattr(options, name, path.absolute())  # processes may start elsewhere
    return options


def _origin(rows: list[dict]) -> dict[str, Any]:
  script = f'scripts/benchmarks/{Path(sys.argv[0]).name}'
  versions = provenance.versions()
  # Of the rivals that ran in this environment; torchvision may have its own.
  if re.search(r'\btorch\b', str(rows)):
    versions['torch'] = importlib.metadata.version('torch')
  return {
    'command': ' '.join(['python', script, *map(_shown, sys.argv[1:])]),
    'device': None,  # its place in the file
    'git_revision': provenance.git_revision(),
    'versions': versions,
  }


def _shown(argument: str) -> str:
  """An option without the place of a file on this machine."""
  name, _, value = argument.partition('=')
  return f'{name}=PATH' if value.startswith('/') else argument


def alternate(
  subjects: Iterable[str], rounds: int, measure: Callable[[str], Any],
  trials: Mapping[str, Any] | None = None,
) -> dict[str, list]:  # fmt: skip
  """Measures every subject once a round; returns its measurements in order.

  Where time is short there are fewer rounds; where it is too short for one, the
  `trials` stand for it, or OutOfTime is raised.
  """
  global _fewest_rounds
  subjects, finished, seconds = list(subjects), [], 0.0
  with tqdm(total=rounds * len(subjects), disable=None) as bar:
    for _ in range(rounds):
      if finished and seconds_left() < seconds:
        break
      began, measured = time.monotonic(), {}
      try:
        for subject in subjects:
          bar.set_postfix_str(str(subject))
          measured[subject] = measure(subject)
          bar.update()
      except OutOfTime:
        if not finished and trials is None:
          raise
        break
      finished.append(measured)
      seconds = time.monotonic() - began
  finished = finished or [trials]
  _fewest_rounds = min(_fewest_rounds, len(finished))
  return {subject: column(finished, subject) for subject in subjects}


def try_out(
  subjects: Iterable[str], trial: Callable[[str], Any], needed: Collection[str]
) -> tuple[dict[str, Any], dict[str, str]]:
  """Tries every subject once, so that failures appear before the rounds.

  The time that the trials took is reserved for one round.
  Returns what the trials returned, and why the other subjects are missing. Raises
  UserError if one of the `needed` subjects failed.
  """
  results, missing, began = {}, {}, time.monotonic()
  for subject in subjects:
    kept = time.monotonic() - began
    try:
      with within(seconds_left() - kept):
        results[subject] = trial(subject)
      print(f'{subject}: tried', flush=True)
    except UserError as error:
      if subject in needed:
        raise
      missing[subject] = str(error)
      print(f'{subject}: {error}', flush=True)
  return results, missing


def each(
  cases: Collection[str], measure: Callable[[str], Any]
) -> tuple[dict[str, Any], dict[str, str]]:
  """Each case with an equal share of the time that is left, and why some are missing.

  So that what one has measured is not lost by the next. Raises UserError if all fail.
  """
  measured, missing = {}, {}
  for number, case in enumerate(cases):
    try:
      with within(seconds_left() / (len(cases) - number)):
        measured[case] = measure(case)
    except UserError as error:
      missing[case] = str(error)
      print(f'{case}: {error}', flush=True)
  if not measured:
    raise UserError('; '.join(missing.values()))
  return measured, missing


def fastest(
  settings: Iterable[Any], trial: Callable[[Any], dict], speed: Callable[[dict], float]
) -> tuple[Any, dict]:
  """The best of a subject's settings and its trial's result; UserError if all fail."""
  results, failures = [], []
  for setting in settings:
    try:
      results.append((setting, trial(setting)))
    except UserError as error:
      failures.append(error)
  if not results:
    raise failures[-1]
  return max(results, key=lambda result: speed(result[1]))


def process(
  module: str, variables: Mapping[str, str] | None = None,
  python: str | Path = sys.executable, /, **task,
) -> dict:  # fmt: skip
  """What `measure(**task)` of a module returned in a process of its own; all is JSON.

  Raises as `output_of`, and UserError if the process says why it could not measure.
  """
  script = Path(__file__).with_name('process.py')
  command = [python, script, module, json.dumps(task)]
  printed = output_of(command, variables)
  if not printed.strip():
    raise UserError(f'{module} printed nothing')
  answer = json.loads(last_line(printed))
  if 'failed' in answer:
    raise UserError(answer['failed'])
  return answer


def output_of(
  command: list, variables: Mapping[str, str] | None = None,
  folder: Path | None = None, subject: str = '',
) -> str:  # fmt: skip
  """What a program printed, with some variables besides; starts in `folder` or here.

  Raises UserError if it failed, which names the subject if there is one, and OutOfTime
  if it was still running at the end of the time limit.
  """
  left = seconds_left()
  timeout = None if math.isinf(left) else max(left, 0.0)
  environment = places.environment() | (variables or {})
  try:
    ended = subprocess.run(
      command, capture_output=True, text=True, env=environment, cwd=folder,
      timeout=timeout,
    )  # fmt: skip
  except subprocess.TimeoutExpired as error:
    raise OutOfTime(f'not measured within {error.timeout:.0f} seconds') from error
  if ended.returncode:
    reason = last_line(ended.stderr)
    raise UserError(f'{subject}: {reason}' if subject else reason)
  return ended.stdout


def seconds_of(call: Callable[[], Any], at_least: float) -> float:
  """Seconds of one call; calls until `at_least` seconds are over."""
  calls, began, seconds = 0, time.perf_counter(), 0.0
  while calls == 0 or seconds < at_least:
    call()
    calls += 1
    seconds = time.perf_counter() - began
  return seconds / calls
