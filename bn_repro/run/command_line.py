"""Checks the words of a command line before absl parses them.

absl also accepts flags of its own (--flagfile, --undefok), reads a flag as the value of
the one before it, and joins repeated tuples. Here each word is a flag of this program
with one value, or is refused. Imports nothing heavy.
"""

import argparse
import ast
import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

from absl import flags as absl_flags
from ml_collections import config_flags

from bn_repro.run.errors import UserError, shortened, shown

_MOST_WORKERS = 1024  # as of config.dataset.workers
_FIELD = 'config.'
_LONGEST_TUPLE = 1_000


class Flags(NamedTuple):
  """The flags of a program; with --config it takes --config.FIELD, too."""

  with_value: tuple[str, ...]
  switches: tuple[str, ...]


def check(words: Sequence[str], flags: Flags) -> None:
  """Raises UserError for the first word, after the program's name, that is no flag."""
  given = set()
  for name, value in _pairs(words, flags):
    is_field = 'config' in flags.with_value and name.startswith(_FIELD)
    if is_field or name in flags.switches:
      continue
    if name not in flags.with_value:
      raise UserError(_unknown(name, flags))
    if value is None:
      raise UserError(f'--{name} has no value; write --{name}=VALUE')
    if name in given:
      raise UserError(f'--{name} is given twice; give it once')
    given.add(name)


def _pairs(words: Sequence[str], flags: Flags) -> Iterator[tuple[str, str | None]]:
  """Name and value of each flag; None where no value follows."""
  remaining = list(words)
  while remaining:
    word = remaining.pop(0)
    name, equals, value = word.removeprefix('-').removeprefix('-').partition('=')
    if not word.startswith('-') or not name:
      raise UserError(f'{shown(word)} is not a flag; flags start with --, see --help')
    is_whole = equals or name in flags.switches
    if not is_whole and remaining and not remaining[0].startswith('--'):
      equals, value = '=', remaining.pop(0)
    yield name, value if equals else None


def _unknown(name: str, flags: Flags) -> str:
  if name.startswith('noconfig.') and 'config' in flags.with_value:
    field = shortened(name.removeprefix('no'))
    return f'--no{field} is not a flag; write --{field}=false'
  known = (*flags.with_value, *flags.switches)
  close = difflib.get_close_matches(name[:100], known, n=3, cutoff=0.5)
  hint = f'did you mean --{" or --".join(close)}?' if close else 'see --help'
  return f'{shown("--" + name)} is not a flag of this program; {hint}'


def asks_for_help(words: Sequence[str]) -> bool:
  """Whether one of the words is --help; the others need not be right."""
  return any(word in ('--help', '-help', '--h', '-h') for word in words)


class Parser(argparse.ArgumentParser):
  """Parses words that `check` passes for its flags; has no --help of its own."""

  def __init__(self):
    super().__init__(add_help=False, allow_abbrev=False)

  def parse_args(self, words: Sequence[str]) -> argparse.Namespace:
    """The values of the flags; raises UserError for the first wrong word."""
    names = (name.removeprefix('--') for name in self._option_string_actions)
    check(words, Flags(tuple(names), ('help', 'h')))
    return super().parse_args(words)

  def error(self, message: str) -> NoReturn:
    """Raises UserError, where argparse would exit."""
    raise UserError(f'{message}; see --help')


def workers(text: str) -> int:
  """The number of processes that decode; a type of argparse."""
  if not text.isdecimal() or int(text) > _MOST_WORKERS:
    raise argparse.ArgumentTypeError(
      f'{text!r} is not a number from 0 to {_MOST_WORKERS:,}'
    )
  return int(text)


def check_address(coordinator: str) -> None:
  """Raises UserError unless it is HOST:PORT."""
  host, _, port = coordinator.rpartition(':')
  is_host = re.fullmatch(r'[\w.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\]', host, re.ASCII)
  is_port = re.fullmatch(r'[0-9]{1,5}', port) and 1 <= int(port) <= 65535
  if not (is_host and is_port):
    raise UserError(
      f'--coordinator={shown(coordinator)} is not HOST:PORT with a port from 1 to '
      '65535; give the address of the first process'
    )


class TupleParser(absl_flags.ArgumentParser):
  """Reads '(100, 100)', '100,100' or '5a,5b'; nothing is evaluated.

  The parser of ml_collections accepts sets and bytes, too, and joins repeated flags.
  """

  syntactic_help = 'values in parentheses'

  def parse(self, argument: Any) -> tuple:
    """The tuple; a single value becomes a tuple of one."""
    value = _literal(argument) if isinstance(argument, str) else argument
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _literal(text: str) -> Any:
  if re.fullmatch(r'[a-zA-Z0-9]*[a-zA-Z][a-zA-Z0-9]*(,[a-zA-Z0-9]+)*', text):
    return tuple(text.split(','))
  try:
    value = ast.literal_eval(text.strip()) if len(text) <= _LONGEST_TUPLE else None
  except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
    value = None
  if not isinstance(value, tuple | list | int | float | str):
    raise ValueError('values in parentheses are wanted, such as (100, 100)')
  return value


config_flags.register_flag_parser_for_type(tuple, TupleParser())
