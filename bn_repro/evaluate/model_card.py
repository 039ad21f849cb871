"""The card of an exported network: classes, input, origin, who can read it.

It is in the same file, as a ZIP archive after the program: jax.export reads what the
beginning of a file points to, and zipfile the archive at the end of one.
"""

import importlib.metadata
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import bn_repro
from bn_repro.evaluate import trained_on
from bn_repro.evaluate.network import Network
from bn_repro.models.describe import input_of
from bn_repro.run import provenance
from bn_repro.run.files import replaced

NAME = 'model.json'
# jax that wrote a file, from this version on: the oldest that reads it, as tried. The
# schema of the file changed with 0.8.2, the dialect of the program with 0.12.
_OLDEST_READERS = {(0, 8, 2): '0.8.2', (0, 12): '0.11.0'}
_NEWEST_TRIED = (0, 12)


def of(network: Network, statistics: str, platforms: tuple[str, ...]) -> dict[str, Any]:
  """As JSON; `statistics` is one of `request.STATISTICS`; null without BN.

  `classes` are names in the order of the probabilities, None where there are none.
  """
  size, num_classes = input_of(network.config)
  data, versions = trained_on.data_of(network), provenance.versions()
  return {
    'network': network.config.network,
    'seed': network.config.seed,
    'dataset': network.config.dataset.name,
    'step': network.step,
    'weights': network.weights,
    'statistics': statistics if network.batch_stats else None,
    'checkpoint_sha256': network.digest,
    'num_classes': num_classes,
    'classes': data and data['classes'],
    'input': {'shape': ['batch', *size], 'dtype': 'uint8', 'values': [0, 255]},
    'output': {
      'shape': ['batch', num_classes], 'dtype': 'float32', 'is': 'probabilities',
    },
    'platforms': list(platforms),
    'oldest_jax': oldest_reader(versions['jax']),
    'written_by': {
      'bn_repro': bn_repro.__version__,
      'git_revision': provenance.git_revision(),
      'flatbuffers': importlib.metadata.version('flatbuffers'),
      **versions,
    },
  }  # fmt: skip


def oldest_reader(writer: str) -> str:
  """The oldest version of jax, of those tried, that reads what a version writes."""
  version = tuple(map(int, re.findall(r'\d+', writer)[:3]))
  oldest = writer
  for first, reader in _OLDEST_READERS.items():
    if version >= first and version[:2] <= _NEWEST_TRIED:
      oldest = reader
  return oldest


def write(path: Path, program: bytes, card: dict[str, Any]) -> None:
  """Writes a program, followed by its card; the same bytes for the same content."""
  with replaced(path) as file:
    file.write(program)
    with zipfile.ZipFile(file, 'w') as archive:
      # With the earliest date that an archive can have, not that of today.
      archive.writestr(zipfile.ZipInfo(NAME), json.dumps(card, indent=2) + '\n')
