"""Runs batch normalizations of other libraries, and ours, through a list of probes.

python -m conformance.run                           all that is missing, about an hour
python -m conformance.run ours torch_layer          of some; remove a file to repeat it
python -m conformance.run --speed --threads=1       time and memory, on quiet cores
python scripts/report.py --report=conformance --results=results/conformance

Each gets an environment of its own, with the versions of implementations.toml, in
--cache (some 6 GB); other versions of Python are looked for on PATH and in pyenv. Each
result is kept as soon as it is there, and a second call runs what is missing; rounds of
--speed only with the same flags on the same machine.
"""

import argparse
import contextlib
import json
import math
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bn_repro.run import errors, exits, places, provenance
from bn_repro.run.errors import UserError
from bn_repro.run.files import digest, write_json
from bn_repro.run.progress import progress_bar
from conformance import child, data, environments
from conformance.environments import Implementation, NotInstalled
from conformance.probes import speed

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / 'results' / 'conformance'
CARRIED, CARRIED_FROM = 'carried', 'carried_from'  # the second is a digest
LIMIT = 1800.0  # seconds without a result, after which a probe is given up
# What the numbers of --speed depend on, besides the machine.
FLAGS_OF_SPEED = ('threads', 'batch', 'rounds', 'seconds')
KEPT = ('TFDS_DATA_DIR', 'HOME', 'PATH', 'LD_LIBRARY_PATH', 'LANG')


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  known = environments.implementations()
  add = parser.add_argument
  add('names', nargs='*', metavar='NAME', help=f'of {", ".join(known)}; all if none')
  add('--results', default=str(RESULTS), help='gets a JSON file each')
  add('--cache', help='gets environments and mini-batches (~/.cache/bn_repro)')
  add('--probes', help=f'of {",".join(child.PROBES)}; all if not given')
  add('--speed', action='store_true', help='measures time and memory and nothing else')
  add('--threads', type=int, default=1, help='for --speed (1)')
  add('--batch', type=int, default=speed.BATCH, help='for --speed (32)')
  add('--note', default='', help='for --speed: what else ran meanwhile, for the page')
  add('--rounds', type=int, default=5, help='for --speed (5)')
  add('--seconds', type=float, default=speed.SECONDS, help='for each layer (1)')
  arguments = places.parsed(parser, results=places.folder, cache=places.folder)
  exits.exit_after(lambda: run(arguments, known))


def run(arguments: argparse.Namespace, known: dict[str, Implementation]) -> None:
  """All of one call."""
  if unknown := set(arguments.names) - set(known):
    raise UserError(f'no implementation {min(unknown)!r}; there are {", ".join(known)}')
  chosen = [known[name] for name in arguments.names or known]
  check_numbers(arguments)
  cache = (arguments.cache or places.cache() or Path('.cache')) / 'conformance'
  arguments.results.mkdir(parents=True, exist_ok=True)
  if arguments.speed:
    return measure_speed(chosen, cache, arguments)
  batches = cache / 'batches.npz'
  if not batches.exists():
    data.write(batches)
  probes = arguments.probes.split(',') if arguments.probes else [*child.PROBES]
  if unknown := set(probes) - set(child.PROBES):
    raise UserError(f'no probe {min(unknown)!r}; there are {", ".join(child.PROBES)}')
  plan = [(one, missing(one, probes, arguments.results)) for one in chosen]
  total = sum(len(probes) for _, probes in plan)
  with progress_bar(total, 'probe', 'conformance') as bar:
    for one, probes in plan:
      bar.set_postfix_str(one.title)
      one_implementation(one, probes, cache, arguments.results, bar)
  carry_over(chosen, cache, arguments.results)


def check_numbers(arguments: argparse.Namespace) -> None:
  """Raises UserError for the first number of --speed that cannot be measured with."""
  for name in ('threads', 'batch', 'rounds'):
    if getattr(arguments, name) < 1:
      raise UserError(f'--{name}={getattr(arguments, name)}: choose 1 or more')
  if not 0 < arguments.seconds < math.inf:
    raise UserError(f'--seconds={arguments.seconds} is no time; choose one above 0')
  if arguments.threads > (cores := provenance.cores()):
    raise UserError(f'--threads={arguments.threads}: there are {cores} cores for them')


def missing(one: Implementation, probes: list[str], results: Path) -> list[str]:
  """Those of the probes that have no result of an implementation yet."""
  done = read(results / f'{one.name}.json').get('probes', {})
  return [name for name in probes if name not in done]


def read(path: Path) -> dict:
  """A JSON file; empty where there is none."""
  return json.loads(path.read_text()) if path.exists() else {}


def one_implementation(one, probes, cache, results, bar) -> None:
  """Runs probes and writes them, or why the implementation could not be installed.

  What was measured elsewhere stays where it cannot be installed here.
  """
  path = results / f'{one.name}.json'
  page = read(path)
  if not probes:
    return
  try:
    python = environments.make(one.environment, cache)
  except NotInstalled as error:
    if not page.get('probes'):
      write_json(path, header(one, {}) | {'not_installed': str(error), 'probes': {}})
    bar.update(len(probes))
    return
  packages = environments.packages_of(python, one.environment)
  kept = page.get('probes', {}) if page.get('packages') == packages else {}
  seconds = page.get('seconds', {}) if kept else {}
  for name, result, took in answers(one, python, probes, cache):
    kept, seconds = kept | {name: result}, seconds | {name: round(took, 1)}
    write_json(path, header(one, packages) | {'probes': kept, 'seconds': seconds})
    bar.update()


def header(one: Implementation, packages: dict[str, str]) -> dict:
  """Where the numbers of a file come from."""
  return {
    'name': one.name, 'title': one.title, 'package': one.package, 'packages': packages,
    'command': f'python -m conformance.run {one.name}',
    'git_revision': provenance.git_revision(),
    'device': provenance.device(provenance.jax.devices('cpu')[:1]),
  }  # fmt: skip


def answers(
  one: Implementation, python: Path, probes: list[str], cache: Path, **variables: str
) -> Iterator[tuple[str, dict, float]]:
  """Name, result and seconds of each probe; a process that dies costs one probe."""
  probes = list(probes)
  while probes:
    # No other call, nor what is left of one, writes there.
    with tempfile.TemporaryDirectory(dir=cache, ignore_cleanup_errors=True) as folder:
      output, log = Path(folder, 'answers.jsonl'), Path(folder, 'log')
      process = start(one, python, probes, cache, output, log, variables)
      try:
        for line in map(json.loads, lines_of(process, output)):
          yield probes.pop(0), line['result'], line['seconds']
      finally:
        process.kill()
        code = process.wait()
      said = errors.last_line(log.read_text(errors='replace'))[:160]
    if probes:
      text = f'the process ended, exit code {code}: {said}'
      yield probes.pop(0), {'error': text}, 0.0


def start(one, python, probes, cache, output, log, variables) -> subprocess.Popen:
  """A child in its environment; what it prints goes to the log."""
  environment = {name: os.environ[name] for name in KEPT if name in os.environ}
  environment |= {
    'PYTHONPATH': str(PROJECT), 'CONFORMANCE_DATA': str(cache / 'batches.npz'),
    'PYTHONDONTWRITEBYTECODE': '1',
    'OMP_NUM_THREADS': '1',  # those that wait for work would spin beside other programs
    **one.variables, **variables,
  }  # fmt: skip
  command = [python, '-m', 'conformance.child', one.adapter, output, *probes]
  with log.open('w') as file:
    return subprocess.Popen(
      [*map(str, command)], cwd=PROJECT, env=environment, stdout=file, stderr=file
    )


def lines_of(process: subprocess.Popen, output: Path) -> Iterator[str]:
  """Whole lines, as they are written, until the process ends or is late with one."""
  given, began = 0, time.monotonic()
  while time.monotonic() - began < LIMIT:
    has_ended = process.poll() is not None
    text = output.read_text() if output.exists() else ''
    lines = text[: text.rfind('\n') + 1].splitlines()
    for line in lines[given:]:
      yield line
      began = time.monotonic()
    given = len(lines)
    if has_ended:
      return
    time.sleep(0.2)


def carry_over(chosen: list[Implementation], cache: Path, results: Path) -> None:
  """Gives each implementation what the others have trained, where that has changed."""
  pages = {path.stem: read(path) for path in results.glob('*.json')}
  trained = {
    name: page['probes']['carry']
    for name, page in pages.items()
    if 'mean' in page.get('probes', {}).get('carry', {})
  }
  others = cache / 'trained.json'
  write_json(others, trained)
  waiting = [
    one for one in chosen
    if one.name in trained and not has_carried(pages[one.name], trained)
  ]  # fmt: skip
  with progress_bar(len(waiting), 'library', 'carrying over') as bar:
    for one in waiting:
      with contextlib.suppress(NotInstalled):  # its file says so, or is of elsewhere
        carry_into(one, pages[one.name], others, cache, results)
      bar.update()


def has_carried(page: dict, trained: dict) -> bool:
  """Whether a page has what comes of these; older pages say only of whom."""
  is_of_them = page.get(CARRIED_FROM, digest(trained)) == digest(trained)
  return is_of_them and set(page.get(CARRIED, {})) == set(trained)


def carry_into(one, page, others, cache, results) -> None:
  """Gives one implementation what all have trained, and writes what comes of it."""
  python = environments.make(one.environment, cache)
  variables = {'CONFORMANCE_OTHERS': str(others)}
  ((_, result, _),) = answers(one, python, [CARRIED], cache, **variables)
  carried = {CARRIED: result, CARRIED_FROM: digest(read(others))}
  write_json(results / f'{one.name}.json', page | carried)


def measure_speed(chosen, cache, arguments) -> None:
  """All in turn, round after round; a process each, for the layers of all shapes."""
  path = arguments.results / f'speed_{arguments.threads}.json'
  threads = str(arguments.threads)
  names = ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS',
           'TF_NUM_INTRAOP_THREADS')  # fmt: skip
  variables = dict.fromkeys(names, threads)
  page, origin = read(path), origin_of_speed(chosen, arguments)
  check_alike(path, page, origin)
  rounds, packages = page.get('rounds', []), page.get('packages', {})
  total = (arguments.rounds - len(rounds)) * len(chosen)
  with progress_bar(max(total, 0), 'library', f'speed, {threads} threads') as bar:
    while len(rounds) < arguments.rounds:
      measured = {}
      for one in chosen:
        bar.set_postfix_str(one.title)
        measured[one.name] = speeds_of(one, cache, arguments, variables, packages)
        bar.update()
      rounds = [*rounds, measured]
      facts = {'batch': arguments.batch, 'threads': arguments.threads}
      facts['note'] = arguments.note or page.get('note', '')
      facts |= {'packages': packages, 'rounds': rounds}
      write_json(path, origin | facts)


def origin_of_speed(chosen, arguments) -> dict[str, str]:
  """Where the numbers of --speed come from."""
  flags = (f'--{name}={getattr(arguments, name)}' for name in FLAGS_OF_SPEED)
  command = ' '.join(('python -m conformance.run --speed', *flags))
  of_all = header(chosen[0], {}) | {'command': command}
  return {name: of_all[name] for name in ('command', 'git_revision', 'device')}


def check_alike(path: Path, page: dict, origin: dict[str, str]) -> None:
  """Raises UserError if a page has rounds of other settings or of another machine."""
  # The number of rounds may grow.
  flags = lambda of: re.sub(r' --rounds=\d+', '', of['command'])
  said = lambda of: f'`{flags(of)}` on {of["device"]}'
  if page.get('rounds') and said(page) != said(origin):
    raise UserError(
      f'{path} was measured by {said(page)}, and this is {said(origin)}, which one '
      'page cannot compare; remove it, or give other --results'
    )


def speeds_of(one, cache, arguments, variables, packages) -> dict:
  """Of one implementation in one round, by shape; the reason where it did not run."""
  try:
    python = environments.make(one.environment, cache)
  except NotInstalled as error:
    return {'error': str(error)}
  packages[one.name] = environments.packages_of(python, one.environment)
  cores = sorted(os.sched_getaffinity(0))[: arguments.threads]
  before = os.sched_getaffinity(0)
  os.sched_setaffinity(0, cores)
  probes = {
    f'{size}x{size}x{depth}':
      f'speed:{size}:{depth}:{arguments.batch}:{arguments.seconds}'
    for size, depth in speed.SHAPES
  }  # fmt: skip
  try:
    given = answers(one, python, [*probes.values()], cache, **variables)
    return {shape: result for shape, (_, result, _) in zip(probes, given)}
  finally:
    os.sched_setaffinity(0, before)


if __name__ == '__main__':
  main()
