"""SIGTERM, SIGINT and SIGHUP while a network trains: finish the step, save, leave.

A cluster that preempts a job sends SIGTERM and waits half a minute; a person presses
Ctrl-C; a terminal that closes, as where a connection breaks, sends SIGHUP. A second
Ctrl-C ends the process at once. While the main thread is blocked outside Python,
`watch` acts for it.
"""

import signal
import threading
from collections.abc import Callable

import jax

from bn_repro.run import collectives, errors, partners, watch
from bn_repro.run.errors import MachineError, Preempted
from bn_repro.run.watch import SIGNALS, STOPPED

_LOST = '; it costs the steps since the last checkpoint; the same command resumes'
SECONDS_TO_READ = 1.0  # after which the input of one of several processes is missing


class Interruption:
  """Within its block a signal is only recorded, and the loop checks for it."""

  def __init__(self):
    self.has_begun = False  # whether a step has been taken since the start
    self._noted = False
    self._before = {}

  def __enter__(self) -> 'Interruption':
    # Python takes signals in its main thread only.
    if threading.current_thread() is threading.main_thread():
      self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
      watch.answer_with(None)
    return self

  def save_with(self, save: Callable[[], None]) -> None:
    """Saves before leaving, from now on, also where `watch` acts.

    `save` is called from any thread; it raises RuntimeError while a step has the state.
    """

    def answer(number: int) -> watch.Answer:
      self._noted = True  # the handler has not run
      if jax.process_count() > 1:
        return self._answer_of_several(number)
      try:
        save()
      except MachineError as error:
        return errors.line(f'error: {error}'), error.exit_code
      except Exception:  # a step has the state, which cannot be read
        return None
      return STOPPED, Preempted.exit_code

    watch.answer_with(answer)

  def _answer_of_several(self, number: int) -> watch.Answer:
    if not self.has_begun:
      return STOPPED, watch.code_of(number)
    if watch.seconds_reading() > SECONDS_TO_READ:
      why = 'it waited for input'
    elif lost := partners.silent():
      why = f'process {", ".join(map(str, lost))} did not answer'
    else:
      return None
    return f'stopped by a signal while {why}{_LOST}', watch.code_of(number)

  def __exit__(self, *unused) -> None:
    for number, handler in self._before.items():
      # After a SIGINT the next one still ends the process at once: a KeyboardInterrupt
      # while Python frees an object would be printed and ignored.
      if signal.getsignal(number) != signal.SIG_DFL:
        signal.signal(number, handler)
    watch.answer_with(None)

  def _note(self, number: int, _frame) -> None:
    self._noted = True
    if number == signal.SIGINT:
      # The next one ends the process, also in the middle of compiled code.
      signal.signal(signal.SIGINT, signal.SIG_DFL)
      # Not by `print`, which the signal may have interrupted. The same Ctrl-C may have
      # ended the reader of stderr, as in `2>&1 | tee log`.
      errors.tell('stopping after this step; once more to stop at once')

  def check(self) -> None:
    """Raises Preempted after a signal; with several processes does nothing."""
    if self._noted and jax.process_count() == 1:
      self._stop()

  def check_together(self) -> None:
    """As `check` for several processes: all call this, and all stop together."""
    if collectives.any_process(self._noted):
      self._stop()

  def _stop(self) -> None:
    watch.react()
    raise Preempted(STOPPED)
