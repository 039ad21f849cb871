"""Time and memory of all layers, in rounds: `--speed` of run.py."""

import argparse
import math
import os
import re
from pathlib import Path

from bn_repro.run import devices
from bn_repro.run.errors import UserError
from bn_repro.run.files import write_json
from bn_repro.run.progress import progress_bar
from conformance import environments, pages
from conformance.answers import answers
from conformance.environments import NotInstalled
from conformance.probes import speed

# What the numbers depend on, besides the machine.
FLAGS = ('threads', 'batch', 'rounds', 'seconds')
DEFAULTS = {
  'threads': 1, 'batch': speed.BATCH, 'rounds': 5, 'seconds': speed.SECONDS, 'note': ''
}  # fmt: skip


def check_flags(arguments: argparse.Namespace) -> None:
  """Raises UserError for a flag without effect; those of --speed get their defaults."""
  given = [name for name in DEFAULTS if getattr(arguments, name) is not None]
  if given and not arguments.speed:
    raise UserError(
      f'--{given[0]} has an effect with --speed only; add that or leave it'
    )
  if arguments.speed and arguments.probes is not None:
    raise UserError(
      '--probes has no effect with --speed; leave one out, and call twice for both'
    )
  for name in DEFAULTS.keys() - {*given}:
    setattr(arguments, name, DEFAULTS[name])
  if arguments.speed:
    check_numbers(arguments)


def check_numbers(arguments: argparse.Namespace) -> None:
  """Raises UserError for the first number of --speed that cannot be measured with."""
  for name in ('threads', 'batch', 'rounds'):
    if getattr(arguments, name) < 1:
      raise UserError(f'--{name}={getattr(arguments, name)}: choose 1 or more')
  if not 0 < arguments.seconds < math.inf:
    raise UserError(f'--seconds={arguments.seconds} is no time; choose one above 0')
  if arguments.threads > (cores := len(devices.cores())):
    raise UserError(f'--threads={arguments.threads}: there are {cores} cores for them')


def measure(chosen, cache, arguments) -> None:
  """All in turn, round after round; a process each, for the layers of all shapes."""
  path = arguments.results / f'speed_{arguments.threads}.json'
  threads = str(arguments.threads)
  names = ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS',
           'TF_NUM_INTRAOP_THREADS')  # fmt: skip
  variables = dict.fromkeys(names, threads)
  page, origin = pages.read(path), origin_of(arguments)
  check_alike(path, page, origin)
  rounds, packages = page.get('rounds', []), page.get('packages', {})
  revisions = page.get('revisions', [page.get('git_revision')] * len(rounds))
  total = (arguments.rounds - len(rounds)) * len(chosen)
  with progress_bar(max(total, 0), 'library', f'speed, {threads} threads') as bar:
    while len(rounds) < arguments.rounds:
      measured = {}
      for one in chosen:
        bar.set_postfix_str(one.title)
        measured[one.name] = speeds_of(one, cache, arguments, variables, packages)
        bar.update()
      rounds = [*rounds, measured]
      revisions = [*revisions, origin['git_revision']]
      facts = {'batch': arguments.batch, 'threads': arguments.threads}
      facts['note'] = arguments.note or page.get('note', '')
      facts |= {'packages': packages, 'revisions': revisions, 'rounds': rounds}
      write_json(path, origin | facts)


def origin_of(arguments) -> dict[str, str]:
  """Where the numbers of a call come from."""
  flags = (f'--{name}={getattr(arguments, name)}' for name in FLAGS)
  return pages.origin(' '.join(('--speed', *flags)))


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
  before = devices.cores()
  os.sched_setaffinity(0, before[: arguments.threads])
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
