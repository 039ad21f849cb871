"""Paths that a user gives, in flags and in variables of the environment.

Each is taken for what it means or refused in one line, before anything is written.
Imports nothing heavy: scripts use it that run without any package.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from bn_repro.run import damage
from bn_repro.run.errors import LONGEST_PATH, UserError, line, shown

# Those that a run reads, or JAX and Matplotlib in it.
VARIABLES = (
  'TFDS_DATA_DIR', 'XDG_CACHE_HOME', 'JAX_COMPILATION_CACHE_DIR', 'JAX_DUMP_IR_TO',
  'MPLCONFIGDIR', 'XDG_CONFIG_HOME',
)  # fmt: skip
# As Databricks writes dbfs:/x, one slash is enough.
_SCHEME = re.compile(r'([A-Za-z][A-Za-z0-9+.-]*):/')
_VARIABLE = re.compile(r'\$[A-Za-z_{(]')
_PROJECT = Path(__file__).resolve().parents[2]
_ELSEWHERE = (
  'only local paths can be read and written here; mount it and give the mounted path, '
  'or give a local one and copy it afterwards'
)
_REMEDY = 'give the path of a local directory'


def path(text: str, name: str) -> Path:
  """The local path that a text means: ~ and ~user expanded, file:///x taken for /x.

  TensorStore, which writes checkpoints, takes a backslash for a slash and none of two
  slashes at the beginning.

  Args:
    text: as it was given.
    name: of the flag or the variable, for messages.

  Raises:
    UserError: it is empty, no text, elsewhere, or has a variable or a backslash in it.
  """
  refuse = _refusal(text, name)
  if not text.strip():
    raise refuse('is empty; give a path')
  if text != text.strip():
    raise refuse('begins or ends with white space; write it without')
  if '\0' in text or not _is_text(text):
    raise refuse('is no text; give a path of valid characters')
  if match := _SCHEME.match(text):
    text = _of_scheme(match[1], text, refuse)
  if found := _VARIABLE.search(text):
    raise refuse(
      f'has a variable that no shell has expanded ({text[found.start() :][:20]}); '
      'write the path that it stands for'
    )
  given = _expanded(text)
  if given is None:
    raise refuse('has no home directory to begin at; write the whole path')
  try:
    whole = given.absolute()
  except FileNotFoundError:
    raise refuse('is below the current directory, which is gone; cd to one') from None
  if '\\' in str(whole):
    raise refuse('has a backslash in its whole path, which libraries take for a slash')
  return given


def _expanded(text: str) -> Path | None:
  """Without ~, and with one slash at the beginning; None where there is no home."""
  if text.split('/')[0] == '~':
    user = home()
    return user and user / text[2:]
  try:
    given = Path(text).expanduser()
  except RuntimeError:
    return None
  return Path('/', *given.parts[1:]) if given.is_absolute() else given


def scheme_of(text: str) -> str:
  """Such as 's3:/' of 's3://bucket/run'; '' of a path."""
  match = _SCHEME.match(text)
  return match[0] if match else ''


def _refusal(text: str, name: str) -> Callable[[str], UserError]:
  """Makes errors that begin with what was given."""
  return lambda reason: UserError(f'{name}={shown(text, LONGEST_PATH)} {reason}')


def _is_text(text: str) -> bool:
  """Whether libraries can encode it; bytes of a command line need not be text."""
  try:
    text.encode()
  except UnicodeEncodeError:
    return False
  return True


def _of_scheme(scheme: str, text: str, refuse: Callable[[str], UserError]) -> str:
  """The path of a file: URL of this machine."""
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
  """A directory that is there, or can be made.

  Raises:
    UserError: as `path`, or it or a directory above it is something else.
  """
  given = path(text, name)
  if problem := not_a_folder(given):
    raise _refusal(text, name)(f'cannot be used: {problem}; {_REMEDY}')
  return given


def not_a_folder(given: Path) -> str | None:
  """Why there is and can be no such directory; None if there can.

  Raises:
    MachineError: the system does not say.
  """
  try:
    str(given).encode()  # what the libraries below take
    above = (given, *given.parents)
    there = next(place for place in above if not damage.is_missing(place))
    return None if there.is_dir() else f'{shown(str(there))} is no directory'
  except (OSError, ValueError) as error:
    return damage.of_its_name(error)


def existing_folder(text: str, name: str) -> Path:
  """A directory that is there.

  Raises:
    UserError: as `folder`, or there is none.
  """
  given = folder(text, name)
  if not given.is_dir():
    raise _refusal(text, name)('is not there; give a directory that is')
  return given


def output(text: str, name: str) -> Path:
  """A file that can be written.

  Raises:
    UserError: as `path`, or it is a directory or in one that is not there.
  """
  given, refuse = path(text, name), _refusal(text, name)
  if text.endswith('/') or given.name in ('', '..') or _is(given, Path.is_dir):
    raise refuse('is a directory; name a file in it')
  if not _is(given.parent, Path.is_dir):
    raise refuse(f'cannot be made: there is no directory {given.parent}; make it')
  if _is(given, Path.exists) and not _is(given, Path.is_file):
    raise refuse('is no regular file; name one')
  if not os.access(given.parent, os.W_OK | os.X_OK):
    raise refuse(f'cannot be made: {given.parent} cannot be written; name another')
  return given


def existing_file(text: str, name: str) -> Path:
  """A file that is there.

  Raises:
    UserError: as `path`, or there is none.
  """
  given = path(text, name)
  if not _is(given, Path.is_file):
    raise _refusal(text, name)('is no file that is there; give one that is')
  return given


def _is(given: Path, kind: Callable[[Path], bool]) -> bool:
  """Whether it is of that kind; a name too long is of none."""
  try:
    return kind(given)
  except OSError:
    return False


def variable(name: str) -> Path | None:
  """The absolute path in a variable of the environment; None if unset or empty.

  Raises:
    UserError: as `folder`.
  """
  text = os.environ.get(name)
  return folder(text, f'${name}').absolute() if text else None


def check_variables() -> None:
  """Raises UserError for the first of `VARIABLES` that is no path of a directory."""
  for name in VARIABLES:
    variable(name)


def environment() -> dict[str, str]:
  """This process's, its `VARIABLES` absolute, for a process in another directory.

  Raises:
    UserError: as `variable`.
  """
  places = {name: variable(name) for name in VARIABLES}
  return os.environ | {name: str(place) for name, place in places.items() if place}


def home() -> Path | None:
  """The user's home directory; None for a user who has none, as in some containers."""
  try:
    user = Path(os.environ.get('HOME', '~')).expanduser()
  except RuntimeError:
    return None
  return user if user.is_absolute() else None


def cache() -> Path | None:
  """Ours below $XDG_CACHE_HOME, or ~/.cache; None where there is no home either.

  Raises:
    UserError: as `variable`.
  """
  user = home()
  chosen = variable('XDG_CACHE_HOME') or (user and user / '.cache')
  return chosen and chosen / 'bn_repro'


def script(name: str, arguments: str) -> str:
  """How to call a script of the repository, for messages.

  An installed package has none.

  Args:
    name: of the file in scripts/.
    arguments: that follow it.
  """
  file = Path('scripts', name)
  if file.is_file() and file.samefile(_PROJECT / file):
    return f'`python {file} {arguments}`'
  if (_PROJECT / file).is_file():
    return f'`python {_PROJECT / file} {arguments}`'
  return f'`python {file} {arguments}` in a checkout of the bn_repro repository'


def of_flags(
  arguments: argparse.Namespace, **kinds: Callable[[str, str], Path]
) -> argparse.Namespace:
  """The flags of a command line with those that are paths turned into paths.

  Args:
    arguments: texts, or None where a flag was not given.
    kinds: `folder`, `output` or another of the functions here, by the flag's name.

  Raises:
    UserError: one of them is not as it must be.
  """
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
  """The command line of a script; leaves in one line if a path or variable is wrong.

  Args:
    parser: of the script.
    kinds: as of `of_flags`.
  """
  try:
    arguments = of_flags(parser.parse_args(), **kinds)
    check_variables()
  except UserError as error:
    print(line(f'error: {error}'), file=sys.stderr)
    sys.exit(error.exit_code)
  return arguments
