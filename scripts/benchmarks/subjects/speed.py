"""How fast a subject takes steps, measured in its own process."""

import os
import time
from collections.abc import Callable
from typing import Any


def pin(number: int) -> None:
  """Keeps this process to the first `number` of its cores, where the system can.

  To be called first: libraries count the cores when they are imported or start.
  """
  if hasattr(os, 'sched_setaffinity'):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:number])


def measure(
  run: Callable[[range], Any], warm_up: int, brief: int, seconds: float, each: int = 1
) -> dict[str, Any]:
  """Times steps after a warm-up, and after a brief trial that says how many.

  Args:
    run: takes consecutive steps, waits for them and returns the loss of the last.
    warm_up: steps, some of which compile.
    brief: steps of the trial; the first ones after compilation can still be slow.
    seconds: to be measured, about.
    each: what the numbers of steps are multiples of.
  """
  warm_up_seconds, first = timed(run, range(warm_up))
  start = warm_up + brief
  brief_seconds, second = timed(run, range(warm_up, start))
  steps = max(1, round(seconds / brief_seconds * brief / each)) * each
  taken, _ = timed(run, range(start, start + steps))
  return {
    'steps': steps, 'seconds': taken, 'warm_up_seconds': warm_up_seconds,
    'losses': (first, second),
  }  # fmt: skip


def timed(run: Callable[[range], Any], steps: range) -> tuple[float, Any]:
  """Seconds, and what the steps returned."""
  began = time.perf_counter()
  result = run(steps)
  return time.perf_counter() - began, result
