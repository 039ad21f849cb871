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
import tempfile
from pathlib import Path

from bn_repro.run import exits, places
from bn_repro.run.config_files import PROJECT
from bn_repro.run.errors import UserError
from bn_repro.run.files import digest, write_json
from bn_repro.run.progress import progress_bar
from conformance import child, data, environments, pages, timing
from conformance.answers import answers
from conformance.environments import Implementation, NotInstalled
from conformance.pages import read

RESULTS = PROJECT / 'results' / 'conformance'
CARRIED, CARRIED_FROM = 'carried', 'carried_from'  # the second is a digest


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  known = environments.implementations()
  add = parser.add_argument
  add('names', nargs='*', metavar='NAME', help=f'of {", ".join(known)}; all if none')
  add('--results', default=str(RESULTS), help='gets a JSON file each')
  add('--cache', help='gets environments and mini-batches (~/.cache/bn_repro)')
  add('--probes', help=f'of {",".join(child.PROBES)}; all if not given')
  add('--speed', action='store_true', help='measures time and memory and nothing else')
  add('--threads', type=int, help='for --speed (1)')
  add('--batch', type=int, help='for --speed (32)')
  add('--note', help='for --speed: what else ran meanwhile, for the page')
  add('--rounds', type=int, help='for --speed (5)')
  add('--seconds', type=float, help='for --speed: for each layer (1)')
  arguments = places.parsed(parser, results=places.folder, cache=places.folder)
  exits.exit_after(lambda: run(arguments, known))


def run(arguments: argparse.Namespace, known: dict[str, Implementation]) -> None:
  """All of one call."""
  if unknown := set(arguments.names) - set(known):
    raise UserError(f'no implementation {min(unknown)!r}; there are {", ".join(known)}')
  chosen = [known[name] for name in arguments.names or known]
  timing.check_flags(arguments)
  probes = probes_of(arguments.probes)
  cache = (arguments.cache or places.cache() or Path('.cache')) / 'conformance'
  arguments.results.mkdir(parents=True, exist_ok=True)
  with pages.alone_in(arguments.results):
    if arguments.speed:
      timing.measure(chosen, cache, arguments)
    else:
      probe(chosen, probes, cache, arguments.results)


def probes_of(words: str | None) -> list[str]:
  """The probes that --probes names, all without it; UserError if there is none such."""
  probes = [*child.PROBES] if words is None else words.split(',')
  if unknown := set(probes) - set(child.PROBES):
    raise UserError(f'no probe {min(unknown)!r}; there are {", ".join(child.PROBES)}')
  return probes


def probe(
  chosen: list[Implementation], probes: list[str], cache: Path, results: Path
) -> None:
  """Runs what is missing, and carries networks over."""
  batches = cache / 'batches.npz'
  if not batches.exists():
    data.write(batches)
  plan = [(one, missing(one, probes, results)) for one in chosen]
  total = sum(len(probes) for _, probes in plan)
  with progress_bar(total, 'probe', 'conformance') as bar:
    for one, probes in plan:
      bar.set_postfix_str(one.title)
      one_implementation(one, probes, cache, results, bar)
  carry_over(chosen, cache, results)


def missing(one: Implementation, probes: list[str], results: Path) -> list[str]:
  """Those of the probes that have no result of an implementation yet."""
  done = read(results / f'{one.name}.json').get('probes', {})
  return [name for name in probes if name not in done]


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
  head = header(one, environments.packages_of(python, one.environment))
  for name, result, took in answers(one, python, probes, cache):
    page = with_result(page, head, name, result, took)
    write_json(path, page)
    bar.update()


def with_result(page: dict, head: dict, name: str, result: dict, took: float) -> dict:
  """A page with one more result and this head; what other packages gave is dropped."""
  if page.get('packages') != head['packages']:
    page = {}
  return head | {
    'probes': page.get('probes', {}) | {name: result},
    'seconds': page.get('seconds', {}) | {name: round(took, 1)},
    'origins': pages.origins(page) | {name: pages.of_origin(head)},
  }


def header(one: Implementation, packages: dict[str, str]) -> dict:
  """Where the numbers of a file come from, as far as its last call measured them."""
  return {
    'name': one.name, 'title': one.title, 'package': one.package, 'packages': packages,
    **pages.origin(one.name),
  }  # fmt: skip


def carry_over(chosen: list[Implementation], cache: Path, results: Path) -> None:
  """Gives each implementation what the others have trained, where that has changed."""
  made = {path.stem: read(path) for path in results.glob('*.json')}
  trained = {
    name: page['probes']['carry']
    for name, page in made.items()
    if 'mean' in page.get('probes', {}).get('carry', {})
  }
  waiting = [
    one for one in chosen
    if one.name in trained and not has_carried(made[one.name], trained)
  ]  # fmt: skip
  with progress_bar(len(waiting), 'library', 'carrying over') as bar:
    for one in waiting:
      with contextlib.suppress(NotInstalled):  # its file says so, or is of elsewhere
        carry_into(one, made[one.name], trained, cache, results)
      bar.update()


def has_carried(page: dict, trained: dict) -> bool:
  """Whether a page has what comes of these; older pages say only of whom."""
  is_of_them = page.get(CARRIED_FROM, digest(trained)) == digest(trained)
  return is_of_them and set(page.get(CARRIED, {})) == set(trained)


def carry_into(one, page, trained, cache, results) -> None:
  """Gives one implementation what all have trained, and writes what comes of it."""
  python = environments.make(one.environment, cache)
  # Another call, with other results, may share the cache.
  with tempfile.TemporaryDirectory(dir=cache) as folder:
    others = Path(folder, 'trained.json')
    write_json(others, trained)
    variables = {'CONFORMANCE_OTHERS': str(others)}
    ((_, result, _),) = answers(one, python, [CARRIED], cache, **variables)
  here = {CARRIED: pages.of_origin(pages.origin(one.name))}
  carried = {CARRIED: result, CARRIED_FROM: digest(trained)}
  carried['origins'] = pages.origins(page) | here
  write_json(results / f'{one.name}.json', page | carried)


if __name__ == '__main__':
  main()
