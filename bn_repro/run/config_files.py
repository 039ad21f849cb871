"""Where config files and their neighbours lie: in a checkout, in a user's copy of its
`configs/`, or inside the installed package.

Imports no JAX.
"""

import importlib.util
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
  """File, colon and argument of FILE.py:ARGUMENT; the colon of file:// is none."""
  scheme = places.scheme_of(location)
  path, colon, argument = location.removeprefix(scheme).partition(':')
  return f'{scheme}{path}', colon, argument


def find(text: str, flag: str) -> Path:
  """The Python file that a flag names: there, or one of those that come with us.

  Args:
    text: such as 'configs/mnist.py', which any directory has: where there is none, it
      is that of this package.
    flag: for messages.

  Raises:
    UserError: there is no such file.
  """
  given = places.path(text, flag)
  for file in (given, *_ours(given)):
    if is_python(file):
      return file
  kind = flag.removeprefix('--')
  raise UserError(f'no {kind} file {shown(text)}; {available(kind)}')


def _ours(given: Path) -> list[Path]:
  """The file of this package that a relative path such as configs/mnist.py means."""
  if given.is_absolute() or given.parts[:1] != (PACKAGE,) or '..' in given.parts:
    return []
  return [FOLDER.joinpath(*given.parts[1:])]


def is_python(file: Path) -> bool:
  """Whether it is there and of that kind."""
  try:
    return file.suffix == '.py' and file.is_file()
  except (OSError, ValueError):  # a name too long, or with a zero in it
    return False


def available(kind: str = 'config') -> str:
  """What can be named, for messages: 'there are configs/bn_x5.py, ...'.

  Args:
    kind: 'config' or 'sweep'.
  """
  below = 'sweeps' if kind == 'sweep' else ''
  names = {file.name for file in (FOLDER / below).glob('[a-z]*.py')} - {SHARED}
  return f'there are {", ".join(str(Path(PACKAGE, below, n)) for n in sorted(names))}'


def use_neighbours(file: Path) -> None:
  """Makes `configs` the package of the folder that a file lies in, then of ours.

  So that no folder of that name elsewhere, in the current directory or among installed
  packages, is taken for its neighbours.
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
  """The configs folder that a file lies in, itself or one folder below; else ours.

  One is called `configs`, or has a file of ours, as it was or changed.
  """
  for folder in list(file.absolute().parents)[:2]:
    if folder.name == PACKAGE or any(_is_copy(folder / f.name) for f in _of_ours()):
      return folder
  return FOLDER


def _of_ours() -> list[Path]:
  return sorted(FOLDER.glob('[a-z]*.py'))


def _is_copy(file: Path) -> bool:
  """Whether it makes configs; a `datasets.py` of another kind is no neighbour."""
  return is_python(file) and b'ml_collections' in file.read_bytes()


def beside(config: str, sweep: Path) -> str:
  """The location of a config that a sweep names: beside it, or as it stands.

  Args:
    config: such as 'configs/mnist.py:baseline'.
    sweep: the file that names it.
  """
  text, colon, argument = split(config)
  own, parts = folder_of(sweep), Path(text).parts
  if parts[:1] != (PACKAGE,) or (IS_CHECKOUT and own.resolve() == FOLDER):
    return config  # runs are started beside it
  beside, ours = (folder.joinpath(*parts[1:]) for folder in (own, FOLDER))
  return f'{beside if is_python(beside) else ours}{colon}{argument}'
