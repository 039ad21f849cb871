"""An environment of its own for each set of pinned packages. Imports nothing heavy."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
LISTED = tomllib.loads((HERE / 'implementations.toml').read_text())


class NotInstalled(Exception):
  """No environment could be made; the text is the reason."""


class Implementation(NamedTuple):
  """One line of the table.

  Attributes:
    name, title: of its file, and on the page.
    adapter: the module in `adapters`.
    package: whose version stands beside the title.
    environment: its Python, packages and variables.
    variables: in which its process runs.
  """

  name: str
  title: str
  adapter: str
  package: str
  environment: dict[str, Any]
  variables: dict[str, str]


def implementations() -> dict[str, Implementation]:
  """All of implementations.toml, by name."""
  return {name: _of(name, **fields) for name, fields in _listed().items()}


def _listed():
  return LISTED['implementations']


def _of(name, title, environment, package, adapter=None, variables=None):
  chosen = LISTED['environments'][environment]
  variables = chosen.get('variables', {}) | (variables or {})
  return Implementation(name, title, adapter or name, package, chosen, variables)


def digest(environment: dict[str, Any]) -> str:
  """Names the folder of an environment; another Python or package is another name."""
  text = json.dumps([environment['python'], environment['packages']])
  return hashlib.sha256(text.encode()).hexdigest()[:12]


def make(environment: dict[str, Any], cache: Path) -> Path:
  """The Python of an environment, which is made in the cache if it is not there.

  Another call that is making it is waited for. Raises `NotInstalled` with the last line
  of what went wrong.
  """
  folder = cache / digest(environment)
  python, whole = folder / 'bin' / 'python', folder / 'installed.json'
  cache.mkdir(parents=True, exist_ok=True)
  with (cache / f'{folder.name}.lock').open('w') as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    if not whole.exists():
      _install(environment, folder, python)
      whole.write_text(json.dumps(environment))
  return python


def _install(environment: dict[str, Any], folder: Path, python: Path) -> None:
  shutil.rmtree(folder, ignore_errors=True)
  base = find_python(environment['python'])
  _run([base, '-m', 'venv', folder])
  # One after the other where the order matters: setuptools before what it builds.
  install = [python, '-m', 'pip', 'install', '--quiet', '--no-compile']
  first = [p for p in environment['packages'] if p.startswith('setuptools')]
  for packages in filter(None, (first, environment['packages'])):
    _run([*install, *packages])


def find_python(version: str) -> Path:
  """A Python of this version on PATH or of pyenv; raises `NotInstalled`."""
  root = Path(os.environ.get('PYENV_ROOT', Path.home() / '.pyenv'))
  on_path = shutil.which(f'python{version}')
  candidates = [*([Path(on_path)] if on_path else []),
                *sorted(root.glob(f'versions/{version}.*/bin/python'))]  # fmt: skip
  for python in candidates:
    # pyenv has a file on PATH for versions that are not the one in use.
    if subprocess.run([python, '-c', ''], capture_output=True).returncode == 0:
      return python
  raise NotInstalled(f'no Python {version} on PATH or in {root}')


def packages_of(python: Path, environment: dict[str, Any]) -> dict[str, str]:
  """The version of each package that the environment names, and of Python."""
  names = [name_of(package) for package in environment['packages']]
  code = (
    'import importlib.metadata as m, json, platform, sys;'
    'print(json.dumps({"python": platform.python_version(),'
    '**{n: m.version(n) for n in sys.argv[1:]}}))'
  )
  ended = subprocess.run([python, '-c', code, *names], capture_output=True, text=True)
  return json.loads(ended.stdout) if ended.returncode == 0 else {}


def name_of(package: str) -> str:
  """'mlx' of 'mlx[cpu]==0.32.4'."""
  return package.replace('[', '=').replace('<', '=').split('=')[0]


def _run(command: list) -> None:
  ended = subprocess.run([*map(str, command)], capture_output=True, text=True)
  if ended.returncode:
    lines = [line for line in ended.stderr.splitlines() if line.strip()]
    errors = (
      [line for line in lines if line.startswith('ERROR')] or lines or ['no word']
    )
    raise NotInstalled(errors[-1].strip())
