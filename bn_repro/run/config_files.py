"""Where config files lie: in a checkout, in a copy of its `configs/`, or installed.

Imports no JAX.
"""

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

from bn_repro.run import places
from bn_repro.run.errors import UserError, shown

PACKAGE = 'configs'  # the name by which configs import their neighbours
_PACKAGE = Path(__file__).resolve().parents[1]
PROJECT = _PACKAGE.parent
_INSTALLED = _PACKAGE / PACKAGE
# An installed package brings its configs; in a checkout they lie beside it.
IS_CHECKOUT = not _INSTALLED.is_dir()
FOLDER = PROJECT / PACKAGE if IS_CHECKOUT else _INSTALLED
# Not a config, but what they share.
SHARED = 'datasets.py'


def split(location: str) -> tuple[str, str, str]:
  """File, colon and argument of FILE.py:ARGUMENT; a file may begin with file://."""
  scheme = places.scheme_of(location)
  path, colon, argument = location.removeprefix(scheme).partition(':')
  return f'{scheme}{path}', colon, argument


def find(text: str, flag: str) -> Path:
  """The file that a flag names: at that path, or else in this package."""
  given = places.path(text, flag)
  if is_python(given):
    return given
  ours = FOLDER.joinpath(*given.parts[1:])
  if given.parts[:1] == (PACKAGE,) and '..' not in given.parts and is_python(ours):
    return ours
  kind = flag.removeprefix('--')
  raise UserError(f'no {kind} file {shown(text)}; {available(kind)}')


def is_python(file: Path) -> bool:
  """Whether a file exists and is one of Python."""
  return file.suffix == '.py' and os.path.isfile(file)  # also of an impossible name


def available(kind: str = 'config') -> str:
  """The files of a kind, for messages: 'there are configs/bn_x5.py, ...'."""
  below = 'sweeps' if kind == 'sweep' else ''
  names = [name for name in _our_names(below) if name != SHARED]
  return f'there are {", ".join(str(Path(PACKAGE, below, name)) for name in names)}'


def use_neighbours(file: Path) -> None:
  """Makes `configs` the package of the folder that a file lies in, then of ours.

  Not of the current directory, and not among installed packages.
  """
  wanted = [str(folder) for folder in dict.fromkeys([folder_of(file), FOLDER])]
  package = sys.modules.get(PACKAGE)
  if package is not None and list(package.__path__) == wanted:
    return
  for name in [n for n in sys.modules if n.partition('.')[0] == PACKAGE]:
    del sys.modules[name]
  spec = ModuleSpec(PACKAGE, None, is_package=True)
  spec.submodule_search_locations = wanted
  sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)


def folder_of(file: Path) -> Path:
  """The folder `configs`, or a copy of it, that a file lies in or below; else ours."""
  for folder in list(file.absolute().parents)[:2]:
    if folder.name == PACKAGE or any(_is_copy(folder / name) for name in _our_names()):
      return folder
  return FOLDER


def _our_names(below: str = '') -> list[str]:
  return sorted(file.name for file in (FOLDER / below).glob('[a-z]*.py'))


def _is_copy(file: Path) -> bool:
  return is_python(file) and b'ml_collections' in file.read_bytes()


def beside(config: str, sweep: Path) -> str:
  """The location of a config that a sweep names: beside the sweep, or unchanged."""
  text, colon, argument = split(config)
  own, parts = folder_of(sweep), Path(text).parts
  if parts[:1] != (PACKAGE,) or (IS_CHECKOUT and own.resolve() == FOLDER):
    return config  # runs are started beside it
  beside, ours = (folder.joinpath(*parts[1:]) for folder in (own, FOLDER))
  return f'{beside if is_python(beside) else ours}{colon}{argument}'
