"""The JSON files of results/conformance."""

import json
from pathlib import Path

from bn_repro.run import provenance


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
