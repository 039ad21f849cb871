"""How a program ends: one line that says why, an exit code. Imports nothing heavy."""

import contextlib
import io
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterator

from bn_repro.run import errors, memory, notices, processes, watch
from bn_repro.run.errors import MachineError, Preempted, RunsFailed, UserError

SECONDS_TO_LEAVE = 0.5  # after saving, before other threads are no longer waited for
# As a shell reports it; we print nothing, for the reader has gone on purpose.
UNREAD = 128 + signal.SIGPIPE
# Keeps what their frames hold until after `watch.leave_within`: to free it, Grain waits
# half a minute for each process that does not answer.
_stops: list[Exception] = []


def exit_after(action: Callable[[], None]) -> None:
  """Runs `action`; on an error prints one line and exits with its code."""
  from absl import logging

  memory.keep()  # before the thread of `watch`
  # Orbax logs a failure with a traceback; we say it in one line.
  logging.set_verbosity(logging.FATAL)
  _let_messages_be_lost()
  notices.keep_quiet()
  for number in watch.SIGNALS:
    signal.signal(number, _exit_at_once)
  watch.start()
  code = _code_of(action)
  processes.leave(code)
  if code == Preempted.exit_code:
    watch.leave_within(SECONDS_TO_LEAVE, code)
  _stops.clear()
  if code and watch.children():
    # Grain closes its processes at exit, from two threads at once: now and then with
    # a traceback (grain 0.2.18, process_prefetch.py).
    with contextlib.suppress(AttributeError, OSError, ValueError):  # closed, or none
      sys.stdout.flush()
    watch.leave(code)
  sys.exit(code)


class _Unfailing(io.FileIO):
  """A file that drops what cannot be written to it."""

  def write(self, data) -> int:
    try:
      return super().write(data) or len(data)
    except OSError:
      return len(data)


def _let_messages_be_lost() -> None:
  """Drops messages that cannot be written: no run ends, unsaved, for want of stderr."""
  # Opens /dev/null for each of 0, 1 and 2 that is closed. Otherwise a file of the run
  # would get that number, and then the messages.
  while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
    os.set_inheritable(number, True)
  os.close(number)
  if sys.stderr is sys.__stderr__:  # else it is a host program's
    encoding = getattr(sys.stderr, 'encoding', None)
    file = io.BufferedWriter(_Unfailing(2, 'w', closefd=False))
    sys.stderr = io.TextIOWrapper(file, encoding, 'backslashreplace', None, True)
  if sys.stdout is None:  # it was closed
    sys.stdout = io.TextIOWrapper(io.FileIO(1, 'w', closefd=False))


def _code_of(action: Callable[[], None]) -> int:
  try:
    action()
    sys.stdout.flush()
  except BrokenPipeError as error:
    return UNREAD if _is_unread() else _report(errors.of_machine(error))
  except Exception as error:
    return _report(_of_machine(error) or error)
  return 0


def _report(error: Exception) -> int:
  if isinstance(error, UserError | MachineError):
    print(errors.line(f'error: {error}'), file=sys.stderr)
  elif isinstance(error, Preempted | RunsFailed):
    print(error, file=sys.stderr)
    _stops.append(error)
  else:
    traceback.print_exception(error)
    return 1
  return error.exit_code


def _of_machine(error: Exception) -> MachineError | None:
  if isinstance(error, OSError | MemoryError | ImportError):
    return errors.of_machine(error)
  jax = sys.modules.get('jax')
  if jax and isinstance(error, jax.errors.JaxRuntimeError):
    if 'RESOURCE_EXHAUSTED' in str(error):
      return MachineError(errors.out_of_memory('the device'))
    processes.await_verdict()
  return None


@contextlib.contextmanager
def interruptible(message: str) -> Iterator[None]:
  """Within the block a signal is a KeyboardInterrupt, which ends it as Preempted."""
  handler = signal.default_int_handler
  before = {number: signal.signal(number, handler) for number in watch.SIGNALS}
  watch.answer_with(lambda number: None)
  try:
    yield
  except KeyboardInterrupt:
    watch.react()  # or it would act for us before this process has ended
    raise Preempted(message) from None
  finally:
    watch.answer_with(None)
    for number, handler in before.items():
      signal.signal(number, handler)


def _exit_at_once(number: int, _frame) -> None:
  # Not by an exception, which a library that is being imported might catch.
  watch.leave(watch.code_of(number), watch.STOPPED)


def _is_unread() -> bool:
  """Whether the reader of our output has closed it, as in `--help | head`."""
  output = sys.stdout.fileno()
  closed = select.poll()
  closed.register(output, 0)  # POLLERR, for no reader, needs no request
  if not closed.poll(0):
    return False
  # Discards what else is printed.
  os.dup2(os.open(os.devnull, os.O_WRONLY), output)
  return True
