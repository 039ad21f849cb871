"""A run that was killed and resumed gives the same bits as one left alone."""

import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from bn_repro.checkpoint import Checkpoints
from support import (
  PROJECT,
  as_flags,
  clean_environment,
  metrics_of,
  program,
  summary_of,
  without_times,
)

OVERRIDES = {
  'dataset.name': 'digits',
  'train_for': '1200 steps',
  'log_every': '20 steps',
  'evaluate_every': '100 steps',
  'checkpoint_every': '200 steps',
  'momentum': 0.9,
}


def arguments_for(network, workdir):
  config = f'--config=configs/mnist.py:{network}'
  return [config, f'--workdir={workdir}', *as_flags(OVERRIDES)]


def last_state(workdir):
  """The arrays of the newest checkpoint, as Orbax finds them."""
  import orbax.checkpoint as ocp

  with Checkpoints(workdir / 'checkpoints') as checkpoints:
    manager = checkpoints._manager
    return manager.restore(manager.latest_step(), args=ocp.args.StandardRestore())


def run_killed_when(arguments, is_time):
  """Starts the program and kills it with SIGKILL; False if it ended before."""
  process = subprocess.Popen(
    [sys.executable, '-m', 'bn_repro', *arguments], cwd=PROJECT,
    env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
  )  # fmt: skip
  while process.poll() is None and not is_time():
    time.sleep(0.005)
  process.send_signal(signal.SIGKILL)
  return process.wait() == -signal.SIGKILL


def lines_in(workdir):
  path = workdir / 'metrics.jsonl'
  return path.read_bytes().count(b'\n') if path.exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize('network', ['batch_norm', 'baseline'])
def test_killed_three_times_and_resumed(tmp_path, network):
  """Parameters, statistics, momentum, metrics and summary, times aside."""
  alone, killed = tmp_path / 'alone', tmp_path / 'killed'
  assert program(*arguments_for(network, alone)).returncode == 0
  kills = 0
  for lines in random.Random(network).sample(range(2, 55), 3):
    kills += run_killed_when(
      arguments_for(network, killed), lambda n=lines: lines_in(killed) >= n
    )
  assert kills >= 2
  result = program(*arguments_for(network, killed))
  assert result.returncode == 0, result.stderr
  assert_same_run(alone, killed)


def assert_same_run(left, right):
  import jax

  assert without_times(metrics_of(left)) == without_times(metrics_of(right))
  assert without_times([summary_of(left)]) == without_times([summary_of(right)])
  jax.tree.map(np.testing.assert_array_equal, last_state(left), last_state(right))
  assert len({line['step'] for line in metrics_of(right)}) == len(metrics_of(right))
