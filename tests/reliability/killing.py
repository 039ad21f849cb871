"""Kills a run at chosen places, again and again, and compares it with one left alone.

Both are the program itself, in processes of their own.
"""

import os
import random
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from flax import traverse_util
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import forked
from bn_repro.run.checkpoint import restore_newest
from support import (
  TIMES,
  clean_environment,
  metrics_of,
  summary_of,
  without_times,
)  # fmt: skip

VICTIM = Path(__file__).with_name('victim.py')
# How long each place lasts at most, in seconds, and how often a process comes to it.
PLACES = {
  'start': (4.0, 1),
  'compilation': (1.5, 1),
  'step': (0.1, 8),
  'evaluation': (0.15, 3),
  'record': (0.003, 8),
  'save': (0.06, 3),
  'summary': (0.02, 1),
}

# The same for a reader.
SAID = {
  'start': 'within four seconds of the start',
  'compilation': 'in the first compilation',
  'step': 'in a step', 'evaluation': 'in an evaluation',
  'record': 'while it wrote measurements', 'save': 'in a save',
  'summary': 'while it wrote the summary',
}  # fmt: skip


class Signal(NamedTuple):
  """So many seconds after a process came to a place for the nth time."""

  place: str
  count: int
  seconds: float
  number: signal.Signals = signal.SIGKILL


NEVER = Signal('summary', 2, 0.0)  # there is only one


def signals(seed: int, number: int, places: Iterable[str] = PLACES) -> list[Signal]:
  """SIGKILL at so many random moments, spread evenly over the places."""
  generator = random.Random(seed)
  names = (list(places) * number)[:number]
  generator.shuffle(names)
  return [
    Signal(name, generator.randint(1, times), generator.uniform(0, longest))
    for name, (longest, times) in ((name, PLACES[name]) for name in names)
  ]


def run_with(planned: Signal, arguments: list[str]) -> subprocess.CompletedProcess:
  """Runs the program until the signal, or to its end if it never comes there."""
  reading, writing = os.pipe()
  environment = clean_environment()
  if planned.place == 'compilation':  # not from the cache
    environment['JAX_COMPILATION_CACHE_DIR'] = tempfile.mkdtemp()
  # The run that is left alone, and a start that is killed, import all themselves.
  is_apart = planned == NEVER or planned.place == 'start'
  start = forked.start_apart if is_apart else forked.start
  words = [VICTIM, writing, planned.place, planned.count, *arguments]
  process = start(words, env=environment, pass_fds=[writing])
  os.close(writing)
  # A byte, or the end of the process; `select` takes no descriptor above 1023.
  waiting = select.poll()
  waiting.register(reading, select.POLLIN)
  waiting.poll()
  if os.read(reading, 1):
    time.sleep(planned.seconds)
    process.send_signal(planned.number)
  os.close(reading)
  stdout, stderr = process.communicate(timeout=300)
  return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def differences(alone: Path, killed: Path) -> list[str]:
  """What differs between two finished runs, times aside; [] if nothing."""
  found = []
  if without_times(metrics_of(alone)) != without_times(metrics_of(killed)):
    found.append('metrics.jsonl')
  if len(metrics_of(killed)) != len({line['step'] for line in metrics_of(killed)}):
    found.append('a line twice')
  if without_times([summary_of(alone)]) != without_times([summary_of(killed)]):
    found.append('summary.json')
  if shown_in_tensorboard(alone) != shown_in_tensorboard(killed):
    found.append('TensorBoard')
  return found + _differing_arrays(*map(last_state, (alone, killed)))


def last_state(workdir: Path) -> dict[str, np.ndarray]:
  """Every array of the newest checkpoint: parameters, statistics, momentum."""
  return traverse_util.flatten_dict(restore_newest(workdir).arrays, sep='/')


def _differing_arrays(left, right) -> list[str]:
  if left.keys() != right.keys():
    return ['names of arrays']
  same = lambda a, b: a.dtype == b.dtype and a.tobytes() == b.tobytes()
  return [name for name in left if not same(left[name], right[name])]


def shown_in_tensorboard(workdir: Path) -> dict[str, list[tuple[int, float]]]:
  """Every point of every curve but those of time, and the steps of histograms."""
  events = EventAccumulator(str(workdir), size_guidance={'scalars': 0, 'histograms': 0})
  events.Reload()
  tags = events.Tags()
  curves = {
    tag: [(event.step, event.value) for event in events.Scalars(tag)]
    for tag in sorted(set(tags['scalars']) - set(TIMES))
  }
  return curves | {
    tag: [event.step for event in events.Histograms(tag)] for tag in tags['histograms']
  }
