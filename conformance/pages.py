"""The JSON files of results/conformance."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from bn_repro.run import lock, provenance
from bn_repro.run.errors import UserError

# What a number depends on, besides the packages: results of one file may differ in it.
ORIGIN = ('git_revision', 'device')


@contextlib.contextmanager
def alone_in(results: Path) -> Iterator[None]:
  """Keeps other calls out of a folder of results until the end of the block.

  Each would write over what the other has added to a file since it read it. The kernel
  ends the lock with the process, however that ends.
  """
  folder = os.open(results, os.O_RDONLY)
  try:
    if not lock.taken(folder, results):
      raise UserError(
        f'another call writes into {results}; wait for it, or give other --results'
      )
    yield
  finally:
    os.close(folder)


def read(path: Path) -> dict:
  """A JSON file; empty where there is none."""
  return json.loads(path.read_text()) if path.exists() else {}


def origin(words: str) -> dict[str, str]:
  """Where the numbers of `python -m conformance.run` with these words come from."""
  return {
    'command': f'python -m conformance.run {words}',
    'git_revision': provenance.git_revision(),
    'device': provenance.device(provenance.jax.devices('cpu')[:1]),
  }


def of_origin(page: dict) -> dict[str, str]:
  """The revision and the machine of a file, or of what `origin` returns."""
  return {name: page.get(name, '') for name in ORIGIN}


def origins(page: dict) -> dict[str, dict[str, str]]:
  """The same of each probe; older files have one for all that is in them."""
  return page.get('origins', dict.fromkeys(page.get('probes', {}), of_origin(page)))
