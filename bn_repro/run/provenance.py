"""Where a number came from: code, library versions and device."""

import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import jax

from bn_repro.run import config_files, settings
from bn_repro.run.devices import cores

PACKAGES = (
  'jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint', 'numpy',
  'ml_collections', 'tensorflow-datasets', 'grain', 'pillow',
)  # fmt: skip
# Parts of this package that no prediction depends on: configs are stored with each run.
READERS = ('report', 'paper', 'analysis', 'configs')

_OF_REPOSITORY = ('GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_COMMON_DIR')


@functools.cache
def git_revision() -> str:
  """The commit of this code, with '-dirty' if files differ from it."""
  # Otherwise git would describe a repository that this package is installed inside of.
  if not (config_files.PROJECT / '.git').exists():
    return 'unknown'
  command = ['git', 'describe', '--always', '--dirty', '--abbrev=40', '--exclude=*']
  # In a hook of git, or under `git rebase --exec`, they name its repository.
  environment = {k: v for k, v in os.environ.items() if k not in _OF_REPOSITORY}
  try:
    result = subprocess.run(
      command, cwd=Path(__file__).parent, env=environment, capture_output=True,
      text=True, check=True,
    )  # fmt: skip
  except (OSError, subprocess.CalledProcessError):
    return 'unknown'
  return result.stdout.strip()


@functools.cache
def code_digest() -> str:
  """The SHA-256 of the code that predictions depend on, committed or not."""
  root, digest = Path(__file__).parents[1], hashlib.sha256()
  for path in sorted([*root.rglob('*.py'), *root.rglob('*.toml')]):
    name = path.relative_to(root)
    if name.parts[0] not in READERS:
      content = hashlib.sha256(path.read_bytes()).hexdigest()
      digest.update(f'{name} {content}\n'.encode())
  return digest.hexdigest()


def origin(devices: list[jax.Device]) -> dict[str, Any]:
  """Code and machine, as every summary and result records them, as JSON."""
  return {'git_revision': git_revision(), **circumstances(devices)}


def circumstances(devices: list[jax.Device]) -> dict[str, Any]:
  """All that decides bits of a number besides config, data and checkpoint, as JSON."""
  return {
    'code': code_digest(),
    'versions': versions(),
    'device': device(devices),
    'settings': settings.recorded(),
  }


def versions() -> dict[str, str]:
  """The version of Python and of every package that a number depends on."""
  packages = {name: importlib.metadata.version(name) for name in PACKAGES}
  return {'python': platform.python_version()} | packages


def device(devices: list[jax.Device]) -> str:
  """Such as '1 x cpu (AMD EPYC, 2 cores)' or '8 x gpu (NVIDIA H200)'."""
  first = devices[0]
  kind = _processor() if first.platform == 'cpu' else first.device_kind
  return f'{len(devices)} x {first.platform} ({kind})'


def _processor() -> str:
  lines = [line for line in lines_on_processors() if 'model name' in line]
  model = lines[0].partition(':')[2].strip() if lines else ''
  return f'{model or platform.processor() or platform.machine()}, {len(cores())} cores'


def lines_on_processors() -> list[str]:
  """The lines of /proc/cpuinfo; none where there is no such file."""
  try:
    return Path('/proc/cpuinfo').read_text().splitlines()
  except OSError:
    return []
