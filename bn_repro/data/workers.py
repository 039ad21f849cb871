"""Processes that decode: the shared memory they need, and how they end.

Grain starts them, takes their arrays from shared memory and lets each read ahead. The
death of one is reported in one line, and none outlives the program. Ctrl-C, SIGTERM and
SIGHUP, which a terminal or a cluster sends to all of them, are left to the program.
"""

import multiprocessing
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from absl import logging

from bn_repro.run import notices
from bn_repro.run.errors import MachineError

BATCHES_AHEAD = 8  # that each process reads ahead of the current step
# Batches of a process in shared memory: in its queue, in this program's queue, and one
# being made or taken on either side.
_HELD = 2 * BATCHES_AHEAD + 2
_SHARED_MEMORY = Path('/dev/shm')
_SECONDS_TO_SAVE = 60  # for the program, after a SIGTERM that reached all processes
_DEATH = re.compile(r'terminated unexpectedly with exit code (-?\d+)')
_REASONS = {
  signal.SIGKILL: 'as the system does where memory is short',
  signal.SIGBUS: 'which is what a full shared memory leads to',
}


def begin(said: Path, _index: int, _number: int) -> None:
  """What each process does first; `said` is a folder of `notices.shared_folder`."""
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  signal.signal(signal.SIGHUP, signal.SIG_IGN)
  signal.signal(signal.SIGTERM, _end_later)
  threading.Thread(target=_end_with_parent, daemon=True).start()
  notices.keep_quiet(said)
  logging.set_verbosity(logging.FATAL)


def _end_later(*_) -> None:
  """Leaves the program time to finish its step and save, which needs this process."""
  late = threading.Timer(_SECONDS_TO_SAVE, os._exit, [128 + signal.SIGTERM])
  late.daemon = True
  late.start()


def _end_with_parent() -> None:
  """Otherwise a process would wait for ever for somebody to take its batches."""
  multiprocessing.parent_process().join()
  os._exit(1)


def keep_tracker_quiet() -> None:
  """Silences Python's tracker of shared memory, which frees what is left."""
  option = 'ignore:resource_tracker:UserWarning'
  if option not in sys.warnoptions:
    sys.warnoptions.append(option)  # passed on to every process that Python starts


def memory_needed(processes: int, elements: int) -> int:
  """Bytes of shared memory that readers hold at most; MachineError if it is too small.

  Each reader has that number of processes. `elements` are the bytes of one element (a
  mini-batch) of each reader, together.
  """
  needed, free = processes * _HELD * elements, _free()
  if free is not None and free < needed:
    raise MachineError(
      f'{processes} decoding processes need up to {_size(needed)} of shared memory, '
      f'and {_SHARED_MEMORY} has {_size(free)} free; {_enlarge(needed)}, or '
      f'{_fewer(processes)}'
    )
  return needed


def _free() -> int | None:
  """Bytes of shared memory; None where the system does not say."""
  try:
    status = os.statvfs(_SHARED_MEMORY)
  except (OSError, AttributeError):
    return None
  return status.f_bavail * status.f_frsize


def _enlarge(needed: int) -> str:
  megabytes = -(-needed // 2**20) * 5 // 4 + 1  # other programs use some of it
  return f'enlarge {_SHARED_MEMORY} (docker run --shm-size={megabytes}m)'


def _fewer(processes: int) -> str:
  return (
    f'set --config.dataset.workers (of evaluation and analysis: --workers) below '
    f'{processes}; with 0, threads decode and need none'
  )


def _size(number: int) -> str:
  return f'{number / 1e9:,.1f} GB' if number >= 1e9 else f'{number / 1e6:,.1f} MB'


def supervised(elements: Iterator[Any], processes: int, needed: int) -> Iterator[Any]:
  """The elements that processes make; a MachineError where one of these has died.

  The elements are those of Grain, which checks every second that its processes live.
  """
  try:
    yield from elements
  except RuntimeError as error:
    death = _DEATH.search(str(error))
    if not death:
      raise
    raise MachineError(_obituary(int(death[1]), processes, needed)) from error


def _obituary(code: int, processes: int, needed: int) -> str:
  """The message about a process that ended with this code, as Python gives it."""
  free = _free()
  available = 'an unknown size' if free is None else f'{_size(free)} free'
  remedy = _enlarge(needed) if -code == signal.SIGBUS else 'free some memory'
  return (
    f'one of {processes} decoding processes {_end_of(code)}; shared memory '
    f'({_SHARED_MEMORY}) has {available} and this run needs up to {_size(needed)}; '
    f'{remedy} and give the same command, which resumes, or {_fewer(processes)}'
  )


def _end_of(code: int) -> str:
  if code >= 0:
    return f'ended with code {code}'
  try:
    number = signal.Signals(-code)
  except ValueError:
    return f'was ended by signal {-code}'
  reason = _REASONS.get(number)
  return f'was ended by {number.name}{f", {reason}" if reason else ""}'
