"""Paths that a user gives, in flags and in variables of the environment.

A path that cannot be meant is refused in one line, before anything is written. Imports
nothing heavy: some scripts use this module without any package installed.
"""

import argparse
import os
import re
from collections.abc import Callable
from pathlib import Path

from bn_repro.run import damage
from bn_repro.run.errors import LONGEST_PATH, UserError, leave, shown

# Read by a run itself, by JAX or by Matplotlib.
VARIABLES = (
  'TFDS_DATA_DIR', 'XDG_CACHE_HOME', 'JAX_COMPILATION_CACHE_DIR', 'JAX_DUMP_IR_TO',
  'MPLCONFIGDIR', 'XDG_CONFIG_HOME',
)  # fmt: skip
# As Databricks writes dbfs:/x, one slash is enough.
_SCHEME = re.compile(r'([A-Za-z][A-Za-z0-9+.-]*):/')
_VARIABLE = re.compile(r'\$[A-Za-z_{(]')
# A zero, or bytes of a command line that are not of its encoding.
_NO_TEXT = re.compile('[\0\ud800-\udfff]')
_PROJECT = Path(__file__).resolve().parents[2]
_ELSEWHERE = (
  'only local paths can be read and written here; mount it and give the mounted path, '
  'or give a local one and copy it afterwards'
)


def path(text: str, name: str) -> Path:
  """The local path that a text means: ~ and ~user expanded, file:///x taken for /x.

  Refuses any other text, by the `name` of its flag or variable.
  """
  refuse = _refusal(text, name)
  if not text.strip():
    raise refuse('is empty; give a path')
  if text != text.strip():
    raise refuse('begins or ends with white space; write it without')
  if _NO_TEXT.search(text):
    raise refuse('is no text; give a path of valid characters')
  if match := _SCHEME.match(text):
    text = _of_scheme(match[1], text, refuse)
  if variable := _VARIABLE.search(text):
    raise refuse(
      f'has a variable that no shell has expanded ({text[variable.start() :][:20]}); '
      'write the path that it stands for'
    )
  given = _expanded(text)
  if given is None:
    raise refuse('has no home directory to begin at; write the whole path')
  try:
    whole = given.absolute()
  except FileNotFoundError:
    raise refuse('is below the current directory, which is gone; cd to one') from None
  # TensorStore, which writes checkpoints, reads a backslash as a slash.
  if '\\' in str(whole):
    raise refuse('has a backslash in its whole path, which libraries take for a slash')
  return given


def _expanded(text: str) -> Path | None:
  """The path without ~ and with one slash in front; None where there is no home."""
  if text.split('/')[0] == '~':
    user = home()
    return user and user.joinpath(*Path(text).parts[1:])
  try:
    given = Path(text).expanduser()
  except RuntimeError:
    return None
  # TensorStore fails on two slashes at the beginning.
  return Path('/', *given.parts[1:]) if given.is_absolute() else given


def scheme_of(text: str) -> str:
  """Such as 's3:/' of 's3://bucket/run'; '' of a path."""
  match = _SCHEME.match(text)
  return match[0] if match else ''


def _refusal(text: str, name: str) -> Callable[[str], UserError]:
  return lambda reason: UserError(f'{name}={shown(text, LONGEST_PATH)} {reason}')


def _of_scheme(scheme: str, text: str, refuse: Callable[[str], UserError]) -> str:
  if scheme.lower() != 'file':
    raise refuse(f'is not on this machine ({scheme}:); {_ELSEWHERE}')
  from urllib.parse import unquote, urlsplit

  try:
    host, rest = urlsplit(text)[1:3]
  except ValueError:
    host, rest = text, ''
  if host not in ('', 'localhost'):
    raise refuse('names another machine; write file:///PATH or the path alone')
  return unquote(rest)


def folder(text: str, name: str) -> Path:
  """A directory that exists or can be made."""
  given = path(text, name)
  if problem := not_a_folder(given):
    remedy = 'give the path of a local directory'
    raise _refusal(text, name)(f'cannot be used: {problem}; {remedy}')
  return given


def not_a_folder(given: Path) -> str | None:
  """Why a path is and can become no directory; None if it can."""
  try:
    str(given).encode()  # as the libraries below do
    above = (given, *given.parents)
    nearest = next(place for place in above if not damage.is_missing(place))
    return None if nearest.is_dir() else f'{shown(str(nearest))} is no directory'
  except (OSError, ValueError) as error:
    return damage.of_its_name(error)


def no_workdir(workdir: Path, problem: str) -> UserError:
  """The error to raise for a workdir that cannot be used."""
  return UserError(
    f'cannot use workdir {shown(str(workdir), LONGEST_PATH)}: {problem}; '
    'give a directory that can be written with --workdir'
  )


def existing_folder(text: str, name: str) -> Path:
  """A directory that exists."""
  given = folder(text, name)
  if not given.is_dir():
    raise _refusal(text, name)('is not there; give a directory that is')
  return given


def output(text: str, name: str) -> Path:
  """A file that can be written, in a directory that exists."""
  given, refuse = path(text, name), _refusal(text, name)
  # `os.path` takes a name that is too long for one that is not there.
  if text.endswith('/') or given.name in ('', '..') or os.path.isdir(given):
    raise refuse('is a directory; name a file in it')
  if not os.path.isdir(given.parent):
    raise refuse(f'cannot be made: there is no directory {given.parent}; make it')
  if os.path.exists(given) and not os.path.isfile(given):
    raise refuse('is no regular file; name one')
  if not os.access(given.parent, os.W_OK | os.X_OK):
    raise refuse(f'cannot be made: {given.parent} cannot be written; name another')
  return given


def existing_file(text: str, name: str) -> Path:
  """A file that exists."""
  given = path(text, name)
  if not os.path.isfile(given):
    raise _refusal(text, name)('is no file that is there; give one that is')
  return given


def variable(name: str) -> Path | None:
  """The absolute path of a directory in a variable; None if it is unset or empty."""
  text = os.environ.get(name)
  return folder(text, f'${name}').absolute() if text else None


def check_variables() -> None:
  """Raises UserError for the first of `VARIABLES` that is no path of a directory."""
  environment()


def environment() -> dict[str, str]:
  """Our environment with `VARIABLES` absolute, for a process in another directory."""
  absolute = {name: str(variable(name)) for name in VARIABLES if os.environ.get(name)}
  return os.environ | absolute


def home() -> Path | None:
  """The user's home directory; None if there is none, as in some containers."""
  try:
    user = Path(os.environ.get('HOME', '~')).expanduser()
  except RuntimeError:
    return None
  return user if user.is_absolute() else None


def cache() -> Path | None:
  """Our folder in $XDG_CACHE_HOME or ~/.cache; None where there is neither."""
  user = home()
  chosen = variable('XDG_CACHE_HOME') or (user and user / '.cache')
  return chosen and chosen / 'bn_repro'


def script(name: str, arguments: str) -> str:
  """How to call a script of the repository, which an installed package lacks."""
  file = Path('scripts', name)
  if not (_PROJECT / file).is_file():
    return f'`python {file} {arguments}` in a checkout of the bn_repro repository'
  is_here = file.is_file() and file.samefile(_PROJECT / file)
  return f'`python {file if is_here else _PROJECT / file} {arguments}`'


def of_flags(
  arguments: argparse.Namespace, **kinds: Callable[[str, str], Path]
) -> argparse.Namespace:
  """The flags of a command line, with the texts of some turned into paths."""
  for name, kind in kinds.items():
    given = getattr(arguments, name)
    if isinstance(given, list):
      setattr(arguments, name, [kind(text, f'--{name}') for text in given])
    elif given is not None:
      setattr(arguments, name, kind(given, f'--{name}'))
  return arguments


def parsed(
  parser: argparse.ArgumentParser, **kinds: Callable[[str, str], Path]
) -> argparse.Namespace:
  """The command line of a script, as `of_flags`; a mistake ends the script."""
  try:
    arguments = of_flags(parser.parse_args(), **kinds)
    check_variables()
  except UserError as error:
    leave(f'error: {error}', error.exit_code)
  return arguments
