"""Signals while the main thread is blocked outside Python, where no handler runs.

Python runs its handlers in the main thread, between two instructions: not while that
thread waits for other processes or for input, or compiles. C receives the signal all
the same, and wakes this module's thread through a pipe. The thread gives the main one
`GRACE` seconds to react, and then acts for it:

- If nothing would be lost (before training, in an evaluation), it ends the process.
- A write in progress (`unbroken`) is finished first.
- While one process trains, it saves the last state that can be read, and ends. During a
  step the state cannot be read: the main thread finishes the step and saves.
- Several processes stop at the same step, so one waits for the others as long as they
  answer (`partners`). If one does not, if its own input does not come, or before the
  first step is done, it ends; the steps since the last checkpoint are lost.

No more than these steps is ever lost. A second Ctrl-C ends a process at once.
"""

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from bn_repro.run import errors, notices
from bn_repro.run.errors import Preempted

GRACE = 0.3
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
STOPPED = 'stopped by a signal; the same command resumes'
SIGNALS = (signal.SIGTERM, signal.SIGINT)
# A terminal that closes sends it to what runs there; under `nohup` it is ignored.
if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
  SIGNALS += (signal.SIGHUP,)

# Held by the main thread while it writes, and by the other one while it acts.
_lock = threading.RLock()
_is_leaving = False  # the main thread has noticed a signal, saves and leaves
_reading_since: float | None = None

# For a main thread that does not react to a signal: the line and the code to leave
# with, or None to continue waiting.
Answer = tuple[str, int] | None


def code_of(number: int) -> int:
  """The exit code of a process that leaves without saving."""
  return INTERRUPTED if number == signal.SIGINT else Preempted.exit_code


def _nothing_to_lose(number: int) -> Answer:
  return STOPPED, code_of(number)


_answer: Callable[[int], Answer] = _nothing_to_lose


def start() -> None:
  """Watches this process's signals; called in the main thread, once."""
  reading, writing = os.pipe()
  os.set_blocking(writing, False)
  signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
  # A child's signals are its own.
  os.register_at_fork(after_in_child=_forget)
  threading.Thread(target=_watch, args=[reading], daemon=True).start()


def _forget() -> None:
  with contextlib.suppress(ValueError):  # not its main thread
    signal.set_wakeup_fd(-1)


def answer_with(answer: Callable[[int], Answer] | None) -> None:
  """Sets how to answer for a blocked main thread; None: nothing would be lost."""
  global _answer
  with _lock:
    _answer = answer or _nothing_to_lose


def react() -> None:
  """Called by the main thread: it has noticed a signal, and will save and leave."""
  global _is_leaving
  with _lock:
    _is_leaving = True


def unbroken() -> contextlib.AbstractContextManager:
  """No signal ends the process within the block, so files are written whole."""
  return _lock


def reading(items: Iterator[Any]) -> Iterator[Any]:
  """The items; `seconds_reading` says how long the next one is waited for."""
  global _reading_since
  while True:
    _reading_since = time.monotonic()
    try:
      item = next(items)
    except StopIteration:
      return
    finally:
      _reading_since = None
    yield item


def seconds_reading() -> float:
  """How long the main thread has been waiting for input; 0 if it is not."""
  since = _reading_since
  return time.monotonic() - since if since else 0.0


def _watch(pipe: int) -> None:
  pending, poll = None, select.poll()  # `select.select` takes no file above 1023
  poll.register(pipe, select.POLLIN)
  while True:
    if poll.poll(1000 * GRACE if pending else None):
      for number in os.read(pipe, 64):
        if number == pending == signal.SIGINT:
          leave(INTERRUPTED, STOPPED)
        pending = number if number in SIGNALS else pending
    elif not _is_leaving:
      _act(pending)


def _act(number: int) -> None:
  if not _lock.acquire(timeout=GRACE):
    return
  try:
    if not _is_leaving and (answer := _answer(number)):
      line, code = answer
      leave(code, line)
  finally:
    _lock.release()


def children() -> list[Any]:
  """The processes that this one has started."""
  multiprocessing = sys.modules.get('multiprocessing')
  return multiprocessing.active_children() if multiprocessing else []


def leave(code: int, line: str = '') -> None:
  """Ends this process and its children now, whatever its threads do."""
  if line:
    errors.tell(line)  # `print` may be what was interrupted
  for child in children():
    child.kill()
  notices.remove_shared_folder()
  os._exit(code)


def leave_within(seconds: float, code: int) -> None:
  """Ends this process by then, even if some of its threads never finish."""
  late = threading.Timer(seconds, leave, [code])
  late.daemon = True
  late.start()
