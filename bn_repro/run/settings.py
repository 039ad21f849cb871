"""The settings of JAX and the environment that numbers depend on besides the config.

A setting that changes bits and has one right value is set here, so that a config gives
the same bits in every shell and host program. Others that may change bits are recorded.
"""

import contextlib
import enum
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax

from bn_repro.run.errors import UserError, warn

_TABLES = tomllib.loads(Path(__file__).with_suffix('.toml').read_text())
NEEDED = _TABLES['needed'] | dict.fromkeys(_TABLES['needed_unset'])
_HARMLESS = re.compile('|'.join(_TABLES['harmless']))
_VARIABLES = re.compile('|'.join(_TABLES['variables']))
_HARMLESS_FLAGS = re.compile(
  f'--xla_({"|".join(_TABLES["harmless_flags_of_xla"])})(=.*)?'
)


@contextlib.contextmanager
def fixed() -> Iterator[None]:
  """Gives JAX, within the block, the settings that the numbers were made with.

  A warning names those that are replaced. Inside a context manager of JAX, such as
  `jax.enable_x64(True)`, which would override them, UserError is raised.
  """
  of_process = _values_of_process()
  _check_no_context(of_process)
  others = {
    name: of_process[name]
    for name, value in NEEDED.items()
    if name in of_process and _plain(of_process[name]) != value
  }
  if others:
    listed = ', '.join(f'{name}={_plain(value)}' for name, value in others.items())
    warn(f'set aside, as the run would not be the same: {listed}')
  _update({name: NEEDED[name] for name in others})
  try:
    yield
  finally:
    _update(others)


def recorded() -> dict[str, str]:
  """Every other setting and variable that may change bits, known here or not."""
  settings = {
    name: str(value)
    for name, value in sorted(jax.config.values.items())
    if name not in NEEDED and not _HARMLESS.fullmatch(name)
  }
  variables = {
    name: _flags(value) if name == 'XLA_FLAGS' else value
    for name, value in sorted(os.environ.items())
    if _VARIABLES.fullmatch(name)
  }
  return settings | {name: value for name, value in variables.items() if value}


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
  """How `recorded` at two starts differs, such as "XLA_FLAGS='--xla_x' ('' before)"."""
  names = sorted(before.keys() | now.keys())
  return [
    f'{name}={now.get(name, "")!r} ({before.get(name, "")!r} before)'
    for name in names
    # A setting that one version of JAX lacks was not made by the user.
    if (name in before and name in now) or _VARIABLES.fullmatch(name)
    if before.get(name, '') != now.get(name, '')
  ]


def _values_of_process() -> dict[str, Any]:
  """The values of jax.config without the context managers of this thread."""
  with ThreadPoolExecutor(1) as another:
    return another.submit(lambda: dict(jax.config.values)).result()


def _check_no_context(of_process: Mapping[str, Any]) -> None:
  for name, value in jax.config.values.items():
    is_of_context = name in NEEDED and value != of_process[name]
    if is_of_context and _plain(value) != NEEDED[name]:
      raise UserError(
        f'the calling program is inside a context manager of JAX that sets {name} to '
        f'{_plain(value)!r}, with which the numbers would be others; leave it first'
      )


def _plain(value: Any) -> Any:
  return value.name.lower() if isinstance(value, enum.Enum) else value


def _update(values: Mapping[str, Any]) -> None:
  for name, value in values.items():
    jax.config.update(name, value)
  if values:  # or functions that were traced before would keep the old settings
    jax.clear_caches()


def _flags(text: str) -> str:
  """The flags of XLA_FLAGS, or of the file that it names, that may change bits."""
  with contextlib.suppress(OSError, ValueError):
    if not text.lstrip().startswith('-') and Path(text).is_file():
      text = Path(text).read_text()
  return ' '.join(f for f in text.split() if not _HARMLESS_FLAGS.fullmatch(f))
