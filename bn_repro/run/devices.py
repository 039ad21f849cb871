"""The platforms that JAX was told to use: started before anything is opened.

What is missing is told in one line. Nothing heavy is imported at the top, as some
variables of JAX end its import.
"""

import contextlib
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from bn_repro.run.errors import MachineError, UserError, line, one_line

_NUMBER = 'JAX_NUM_CPU_DEVICES'
_FLAGS = 'XLA_FLAGS'
_LOG = 'jax._src.xla_bridge'


def start() -> list[Any]:
  """Imports JAX and starts its platforms; returns the devices of all processes.

  What JAX logs on that occasion, such as that it falls back to the CPU, becomes one
  warning each.

  Raises:
    UserError: a platform is named that JAX does not know or that has no device
      here, or a variable of JAX or XLA makes no sense.
    MachineError: a platform that JAX knows does not start.
  """
  trial = _trial_of_flags()  # while JAX is imported
  jax = _imported()
  _check_flags(trial)
  with _logged() as lines:
    try:
      devices = jax.devices()
      for name in _named(jax):
        jax.devices(name)
    except (RuntimeError, AssertionError) as error:
      raise _refusal(jax, error, lines) from error
  for text in dict.fromkeys(lines):
    print(line(f'warning: JAX: {text}'), file=sys.stderr)
  return devices


def check_apart() -> None:
  """As `start` in a process of its own, for a program that only starts others.

  Only where $JAX_PLATFORMS names more than the CPU, which is always there.

  Raises:
    UserError, MachineError: as `start`.
  """
  if os.environ.get('JAX_PLATFORMS', '') in ('', 'cpu'):
    return
  code = 'from bn_repro.run import devices, exits; exits.exit_after(devices.start)'
  ended = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
  if ended.returncode:
    kind = UserError if ended.returncode == UserError.exit_code else MachineError
    lines = ended.stderr.splitlines() or ['error: no device']
    raise kind(lines[-1].removeprefix('error: '))


def _imported() -> Any:
  """The module, unless its variables make no sense to it."""
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


def _trial_of_flags() -> subprocess.Popen | None:
  """A process that XLA ends in place of this one, where it does not take its flags."""
  if not os.environ.get(_FLAGS):
    return None
  parse = 'from jaxlib import xla_client; xla_client.CompileOptions()'
  words = [sys.executable, '-c', parse]
  return subprocess.Popen(
    words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
  )


def _check_flags(trial: subprocess.Popen | None) -> None:
  """Raises UserError with the first line that XLA logged before it ended a trial."""
  if not trial:
    return
  said = re.search(r'^[EF]\d{4} .*?\] (.*)', trial.communicate()[1], re.MULTILINE)
  if said and trial.returncode:
    raise UserError(line(f'XLA: {said[1]}; set {_FLAGS} otherwise, or unset it'))


def _named(jax: Any) -> list[str]:
  """The platforms that $JAX_PLATFORMS, or a host program, names."""
  return [name for name in (jax.config.jax_platforms or '').split(',') if name]


def _refusal(jax: Any, error: Exception, logged: list[str]) -> UserError | MachineError:
  """What is to be raised where platforms do not start, with what there is."""
  variable, value = 'JAX_PLATFORMS', jax.config.jax_platforms
  if not value and (value := os.environ.get('JAX_PLATFORM_NAME')):
    variable = 'JAX_PLATFORM_NAME'
  there = _there(jax)
  has = f'this machine has {", ".join(there) or "none that starts"}'
  advice = f'set {variable}={there[0] if there else "cpu"}'
  # Without the advice of JAX, which is another.
  said = one_line(error).partition(' (set JAX_PLATFORMS')[0].partition(' (you may')[0]
  is_unknown = not error.args or re.search('nknown backend|known backends', said)
  if value and is_unknown and not logged:
    text = f'{variable}={value!r} names a platform that is not there; {has}; {advice}'
    return UserError(line(text))
  asked = f' of {variable}={value!r}' if value else ''
  reason = '; '.join([*logged, said] if error.args else logged)
  text = f'a platform{asked} does not start: {reason}; {has}; {advice}'
  return MachineError(line(text))


def _there(jax: Any) -> list[str]:
  """The platforms that start where JAX may choose."""
  try:
    jax.config.update('jax_platforms', '')
    jax.config.update('jax_platform_name', '')
    return sorted({device.platform for device in jax.devices()})
  except (RuntimeError, AssertionError):
    return []


@contextlib.contextmanager
def _logged() -> Iterator[list[str]]:
  """What JAX logs of its platforms within the block, in place of its own lines."""
  lines: list[str] = []

  class Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
      failure = record.exc_info and record.exc_info[1]
      reason = f': {one_line(failure)}' if failure else ''
      lines.append(f'{record.getMessage()}{reason}')

  logger, handler = logging.getLogger(_LOG), Lines(logging.WARNING)
  propagates, logger.propagate = logger.propagate, False
  logger.addHandler(handler)
  try:
    yield lines
  finally:
    logger.removeHandler(handler)
    logger.propagate = propagates
