"""The program, whose main thread is blocked at a place, outside Python or in a read.

usage: blocked.py PIPE PLACE ARGUMENT...

One byte goes through the pipe just before it blocks. Nothing else is changed.
"""

import ctypes
import functools
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
CALLS_BEFORE = 3  # so that there are steps to lose


class Blocker:
  """Tells once that the place is reached, and blocks there."""

  def __init__(self, pipe: int):
    self._pipe = pipe
    self.calls = 0

  def in_c(self) -> None:
    """As a library does: without the GIL, and no signal interrupts it."""
    os.write(self._pipe, b'.')
    library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    library.pthread_mutex_lock(mutex)
    library.pthread_mutex_lock(mutex)

  def in_read(self) -> None:
    """Of a pipe into which nobody writes."""
    path = Path(tempfile.mkdtemp()) / 'fifo'
    os.mkfifo(path)
    os.write(self._pipe, b'.')
    path.read_bytes()

  def frozen(self) -> None:
    os.write(self._pipe, b'.')
    os.kill(os.getpid(), signal.SIGSTOP)


def at(owner, name: str, block, calls_before: int = 0) -> None:
  """Makes a function of an owner block first, after so many calls that do not."""
  function, calls = getattr(owner, name), 0

  def blocking(*arguments, **named):
    nonlocal calls
    calls += 1
    if calls == calls_before + 1:
      block()
    return function(*arguments, **named)

  setattr(owner, name, blocking)


def block_in_grain(blocker: Blocker) -> None:
  """In a thread of Grain's, so that the main one waits for it."""
  from bn_repro.data import sampler, stream
  from bn_repro.data.pixels import PixelFeed

  inputs = PixelFeed.inputs

  def read(feed, step):
    if step == 40:
      blocker.in_read()
    return inputs(feed, range(step, step + 1), sampler.TRAINING)

  def through_grain(self, steps, stream_number=sampler.TRAINING):
    if stream_number != sampler.TRAINING:
      return inputs(self, steps, stream_number)
    if not hasattr(self, 'batches'):
      read_one = functools.partial(read, self)
      by_threads, places = SimpleNamespace(_workers=0), range(steps.start, 1000)
      self.batches = stream.StreamedImages._read(by_threads, read_one, places, 0)
    return next(self.batches)

  PixelFeed.inputs = through_grain


def block(place: str, blocker: Blocker) -> None:
  from jax._src import compiler

  from bn_repro.data.pixels import PixelFeed
  from bn_repro.run import checkpoint, collectives
  from bn_repro.training import loop
  from bn_repro.training.evaluator import ExampleEvaluator

  if place == 'meeting':
    at(collectives, 'meet', blocker.frozen)
  elif place == 'compilation':
    at(compiler, 'compile_or_get_cached', blocker.in_c, 10)
  elif place == 'first step':
    at(loop.Trainer, 'take_steps', lambda: at(
      compiler, 'compile_or_get_cached', blocker.in_c))  # fmt: skip
  elif place == 'evaluation':
    at(ExampleEvaluator, '__call__', blocker.in_c, CALLS_BEFORE)
  elif place == 'input':
    at(PixelFeed, 'inputs', blocker.in_read, 30)
  elif place == 'input in C':
    at(PixelFeed, 'inputs', blocker.in_c, 30)
  elif place == 'input of Grain':
    block_in_grain(blocker)
  elif place == 'restore':
    at(checkpoint, '_parts', blocker.in_c)


def main() -> None:
  pipe, place = int(sys.argv[1]), sys.argv[2]
  sys.argv[1:] = sys.argv[3:]
  block(place, Blocker(pipe))
  from bn_repro.training.command import main as program

  program()


if __name__ == '__main__':
  main()
