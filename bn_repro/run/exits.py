"""How a program of this package ends: what went wrong in one line, and its code.

Imports nothing heavy, so that a mistake is answered at once.
"""

import os
import select
import signal
import sys
import traceback
from collections.abc import Callable

from absl import logging

from bn_repro.run import errors, notices, processes, watch
from bn_repro.run.errors import MachineError, Preempted, UserError, of_machine

SECONDS_TO_LEAVE = 0.5  # for one that has saved, before it stops waiting for threads
# As of a program of the shell; nothing is said, for the reader has gone on purpose.
UNREAD = 128 + signal.SIGPIPE
# What its frames hold is freed once the time to leave runs: Grain waits for half a
# minute for each process that does not answer.
_stops: list[Preempted] = []


def leave_after(action: Callable[[], None]) -> None:
  """Does it, prints what went wrong, and leaves with one of the codes of `--help`."""
  # What Orbax logs of a failure, in tracebacks, we say in one line.
  logging.set_verbosity(logging.FATAL)
  notices.keep_quiet()
  for number in watch.SIGNALS:
    signal.signal(number, _leave)
  watch.start()
  code = _code_of(action)
  processes.leave(code)
  if code == Preempted.exit_code:
    watch.leave_within(SECONDS_TO_LEAVE, code)
  _stops.clear()
  sys.exit(code)


def _code_of(action: Callable[[], None]) -> int:
  try:
    try:
      action()
      if sys.stdout:  # none where it was closed before we began
        sys.stdout.flush()
    except BrokenPipeError as error:
      if not _is_unread():
        raise of_machine(error) from error
      return UNREAD
    except (OSError, MemoryError, ImportError) as error:
      raise of_machine(error) from error
  except (UserError, MachineError) as error:
    print(errors.line(f'error: {error}'), file=sys.stderr)
    return error.exit_code
  except Preempted as stop:
    print(stop, file=sys.stderr)
    _stops.append(stop)
    return stop.exit_code
  except Exception:
    traceback.print_exc()
    return 1
  return 0


def _leave(number: int, _frame) -> None:
  """What a signal does while there is nothing to save.

  At once: a library that is being imported might catch an exception.
  """
  watch.leave(watch.code_of(number), watch.STOPPED)


def _is_unread() -> bool:
  """Whether what reads our output has closed it, as `--help | head` does.

  Nothing more is written there then.
  """
  output = sys.stdout.fileno()
  closed = select.poll()
  closed.register(output, 0)  # an end without a reader is told unasked
  if not closed.poll(0):
    return False
  os.dup2(os.open(os.devnull, os.O_WRONLY), output)
  return True
