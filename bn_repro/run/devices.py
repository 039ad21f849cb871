"""Starts the platforms that JAX is set to use, before any file is opened.

JAX is imported late, as some values of its variables make its import fail.
"""

import contextlib
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from bn_repro.run import memory
from bn_repro.run.errors import MachineError, UserError, line, one_line, warn

_NUMBER = 'JAX_NUM_CPU_DEVICES'
_FLAGS = 'XLA_FLAGS'
_LOG = 'jax._src.xla_bridge'


def start() -> list[Any]:
  """Imports JAX and starts its platforms; returns the devices of all processes.

  UserError is raised for wrong variables and for platforms that are not there,
  MachineError if one is there and does not start.
  """
  memory.keep()  # for host programs: our own have called it
  with _flags_tried():
    jax = _imported()
  with _logged() as lines:
    try:
      devices = jax.devices()
      # Those that $JAX_PLATFORMS, or a host program, names.
      for name in filter(None, (jax.config.jax_platforms or '').split(',')):
        jax.devices(name)
    except (RuntimeError, AssertionError) as error:
      raise _refusal(jax, error, lines) from error
  for text in dict.fromkeys(lines):
    warn(f'JAX: {text}')
  return devices


def check_apart() -> None:
  """As `start`, but in another process, for a program that only starts others."""
  if os.environ.get('JAX_PLATFORMS', '') in ('', 'cpu'):
    return
  code = 'from bn_repro.run import devices, exits; exits.exit_after(devices.start)'
  ended = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
  if ended.returncode:
    kind = UserError if ended.returncode == UserError.exit_code else MachineError
    lines = ended.stderr.splitlines() or ['error: no device']
    raise kind(lines[-1].removeprefix('error: '))


def cores() -> list[int]:
  """The cores that this process may use, by number; all if the system does not say."""
  if hasattr(os, 'sched_getaffinity'):
    return sorted(os.sched_getaffinity(0))
  return [*range(os.cpu_count() or 1)]


def _imported() -> Any:
  number = os.environ.get(_NUMBER, '-1')
  if not re.fullmatch('-1|[1-9][0-9]{0,3}', number):
    raise UserError(
      f'{_NUMBER}={number!r} is not from 1 to 9999; set it so, or unset it'
    )
  try:
    import jax
  except ValueError as error:
    reason = one_line(error)
    raise UserError(line(f'JAX: {reason}; set its variable so, or unset it')) from error
  return jax


@contextlib.contextmanager
def _flags_tried() -> Iterator[None]:
  """Meanwhile another process tries $XLA_FLAGS: XLA ends one for a wrong flag."""
  if not os.environ.get(_FLAGS):
    yield
    return
  parse = 'from jaxlib import xla_client; xla_client.CompileOptions()'
  words, pipe = [sys.executable, '-c', parse], subprocess.PIPE
  with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True) as trial:
    yield
    logged = trial.communicate()[1]
  first = re.search(r'^[EF]\d{4} .*?\] (.*)', logged, re.MULTILINE)
  if first and trial.returncode:
    raise UserError(line(f'XLA: {first[1]}; set {_FLAGS} otherwise, or unset it'))


def _refusal(jax: Any, error: Exception, logged: list[str]) -> UserError | MachineError:
  variable, value = 'JAX_PLATFORMS', jax.config.jax_platforms
  if not value and (value := os.environ.get('JAX_PLATFORM_NAME')):
    variable = 'JAX_PLATFORM_NAME'
  there = _there(jax)
  has = f'this machine has {", ".join(there) or "none that starts"}'
  advice = f'set {variable}={there[0] if there else "cpu"}'
  # Without JAX's own advice.
  reason = one_line(error).partition(' (set JAX_PLATFORMS')[0].partition(' (you may')[0]
  is_unknown = not error.args or re.search('nknown backend|known backends', reason)
  if value and is_unknown and not logged:
    text = f'{variable}={value!r} names a platform that is not there; {has}; {advice}'
    return UserError(line(text))
  setting = f' of {variable}={value!r}' if value else ''
  reason = '; '.join([*logged, reason] if error.args else logged)
  text = f'a platform{setting} does not start: {reason}; {has}; {advice}'
  return MachineError(line(text))


def _there(jax: Any) -> list[str]:
  try:
    jax.config.update('jax_platforms', '')
    jax.config.update('jax_platform_name', '')
    return sorted({device.platform for device in jax.devices()})
  except (RuntimeError, AssertionError):
    return []


@contextlib.contextmanager
def _logged() -> Iterator[list[str]]:
  """The messages that JAX logs of its platforms within the block, and does not show."""
  lines: list[str] = []

  def keep(record: logging.LogRecord) -> bool:
    failure = record.exc_info and record.exc_info[1]
    reason = f': {one_line(failure)}' if failure else ''
    if record.levelno >= logging.WARNING:
      lines.append(f'{record.getMessage()}{reason}')
    return False

  logger = logging.getLogger(_LOG)
  logger.addFilter(keep)
  try:
    yield lines
  finally:
    logger.removeFilter(keep)
