"""The program, which says through a pipe when it comes to a place to die at.

usage: [ONLY_ROWS=NAMES] victim.py PIPE PLACE COUNT ARGUMENT...

At the COUNTth call of PLACE one byte goes through the pipe; who reads it sends the
signal. The place is entered and nothing else is changed, so that the signal falls
into it. Where ONLY_ROWS names rows of figure 5, the program's Inception has no others:
it compiles sooner. Knows nothing of signals.
"""

import functools
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def places() -> dict:
  """Name of a place: where it is, in the code of the program."""
  from bn_repro.run.checkpoint import Checkpoints
  from bn_repro.run.records import Recorder
  from bn_repro.training import loop
  from bn_repro.training.evaluator import Evaluator

  return {
    'compilation': (loop.Trainer, 'take_steps'),  # the first call compiles
    'step': (loop.Trainer, 'take_steps'),
    'evaluation': (Evaluator, '__call__'),
    'record': (Recorder, 'record'),
    'save': (Checkpoints, 'save'),
    'summary': (Recorder, 'write_summary'),
  }


def announce(owner, name: str, count: int, pipe: int) -> None:
  """Makes the countth call of a method write one byte first."""
  method = getattr(owner, name)
  calls = 0

  @functools.wraps(method)
  def announced(*arguments, **named):
    nonlocal calls
    calls += 1
    if calls == count:
      os.write(pipe, b'.')
    return method(*arguments, **named)

  setattr(owner, name, announced)


def leave_only(names: list[str]) -> None:
  """Takes the other rows out of figure 5."""
  from bn_repro.models import inception

  inception.ROWS = tuple(row for row in inception.ROWS if row.name in names)


def main() -> None:
  if names := os.environ.get('ONLY_ROWS'):
    leave_only(names.split(','))
  pipe, place, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
  sys.argv[1:] = sys.argv[4:]
  if place == 'start':
    os.write(pipe, b'.')
  else:
    announce(*places()[place], count, pipe)
  from bn_repro.training.command import main as program

  program()


if __name__ == '__main__':
  main()
