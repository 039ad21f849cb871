"""How a program of this package ends: what went wrong in one line, and its code.

Imports nothing heavy, so that a mistake is answered at once.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable

from absl import logging

from bn_repro import messages, notices, processes
from bn_repro.errors import MachineError, Preempted, UserError, of_machine


def leave_after(action: Callable[[], None]) -> None:
  """Does it, prints what went wrong, and leaves with one of the codes of `--help`."""
  # What Orbax logs of a failure, in tracebacks, we say in one line.
  logging.set_verbosity(logging.FATAL)
  notices.keep_quiet()
  signal.signal(signal.SIGTERM, _leave)
  code = _code_of(action)
  processes.leave(code)
  sys.exit(code)


def _code_of(action: Callable[[], None]) -> int:
  try:
    try:
      action()
    except (OSError, MemoryError, ImportError) as error:
      raise of_machine(error) from error
  except (UserError, MachineError) as error:
    print(messages.line(f'error: {error}'), file=sys.stderr)
    return error.exit_code
  except Preempted as stop:
    print(stop, file=sys.stderr)
    return stop.exit_code
  except KeyboardInterrupt:
    print('interrupted; the same command resumes', file=sys.stderr)
    return 130
  except Exception:
    traceback.print_exc()
    return 1
  return 0


def _leave(_number, _frame) -> None:
  """What SIGTERM does until there is something to save.

  At once: a library that is being imported might catch an exception.
  """
  os.write(2, b'stopped by a signal before it began; the same command resumes\n')
  os._exit(Preempted.exit_code)
