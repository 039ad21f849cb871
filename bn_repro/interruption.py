"""SIGTERM and SIGINT while a network trains: finish the step, save, leave.

A cluster that wants its machine back sends SIGTERM and waits half a minute; a
person presses Ctrl-C. Neither may tear the program apart in the middle of a step.
A second SIGINT ends the process at once. Does not know what is saved.
"""

import os
import signal
import threading

import jax

from bn_repro import parallel
from bn_repro.errors import Preempted

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_STOPPED = 'stopped by a signal; the same command resumes'


class Interruption:
  """Within its block a signal is only noted, for the loop to ask about."""

  def __init__(self):
    self._noted = False
    self._before = {}

  def __enter__(self) -> 'Interruption':
    # Python takes signals in its main thread only.
    if threading.current_thread() is threading.main_thread():
      self._before = {number: signal.getsignal(number) for number in SIGNALS}
      for number in SIGNALS:
        signal.signal(number, self._note)
    return self

  def __exit__(self, *unused) -> None:
    for number, handler in self._before.items():
      # After a SIGINT the next one ends the process while it leaves, too: as an
      # exception it would be lost, and printed, where Python frees an object.
      if signal.getsignal(number) != signal.SIG_DFL:
        signal.signal(number, handler)

  def _note(self, number: int, _frame) -> None:
    self._noted = True
    if number == signal.SIGINT:
      # The system itself ends the process then, also in the middle of compiled code.
      signal.signal(signal.SIGINT, signal.SIG_DFL)
      # Not by `print`, which may be what the signal has interrupted.
      os.write(2, b'\nstopping after this step; once more to stop at once\n')

  def check(self) -> None:
    """Raises Preempted if a signal came; of several processes, none asks here."""
    if self._noted and jax.process_count() == 1:
      raise Preempted(_STOPPED)

  def check_together(self) -> None:
    """The same for several processes: all ask, and all stop if one got a signal."""
    if parallel.any_process(self._noted):
      raise Preempted(_STOPPED)
