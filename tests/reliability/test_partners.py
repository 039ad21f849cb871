"""Several processes: the loss of one ends the others; all go on from the same step."""

import signal
import subprocess
import time

import numpy as np
import pytest
from end_to_end.test_processes import devices, free_port, start

import forked
from bn_repro.run.checkpoint import restore_newest
from support import as_flags, metrics_of, program

TIMEOUT = 10
SETTINGS = {
  'dataset.name': 'digits', 'train_for': '100000 steps', 'log_every': '10 steps',
  'evaluate_every': '100 steps', 'checkpoint_every': '20 steps',
  'population_batches': 5, 'momentum': 0.9, 'batch_size': 64, 'num_devices': 0,
  'partner_timeout': TIMEOUT,
}  # fmt: skip

pytestmark = pytest.mark.slow


def start_pair(workdir, how=forked.start):
  flags, port = as_flags(SETTINGS), free_port()
  return [start(flags, workdir, process, port, how) for process in (0, 1)]


def wait_for_step(workdir, step, pair):
  while not (workdir / 'checkpoints' / str(step)).exists():
    assert all(process.poll() is None for process in pair), [
      process.communicate() for process in pair
    ]
    time.sleep(0.05)


def said_by(process):
  stderr = process.communicate(timeout=60)[1].replace('\r', '\n')
  usual = ('step/s', 'waiting for 1 other')
  lines = [line for line in stderr.splitlines() if line]
  return [line for line in lines if not any(word in line for word in usual)]


@pytest.mark.fault('one of two processes killed or frozen')
@pytest.mark.parametrize('lost', [0, 1])
@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGSTOP])
def test_the_other_ends_in_one_line_within_the_limit(tmp_path, lost, number):
  """Killed or frozen, the first or the second."""
  # What JAX says when it aborts is settled before its C++ part is loaded.
  pair = start_pair(tmp_path, forked.start_apart)
  wait_for_step(tmp_path, 20, pair)
  pair[lost].send_signal(number)
  began = time.perf_counter()
  (line,) = said_by(pair[1 - lost])
  assert time.perf_counter() - began < 2 * TIMEOUT
  assert line.startswith('error: another process of this run is gone')
  assert pair[1 - lost].returncode == 71
  pair[lost].kill()
  pair[lost].communicate()
  reached = restore_newest(tmp_path).step
  both = start_pair(tmp_path)
  wait_for_step(tmp_path, reached + 20, both)
  both[1].terminate()  # one is asked to stop: both do, at the same step
  assert [said_by(process) for process in both] == [
    ['stopped by a signal; the same command resumes']
  ] * 2
  assert [process.returncode for process in both] == [75, 75]
  assert [line['step'] for line in metrics_of(tmp_path)] == list(
    range(0, metrics_of(tmp_path)[-1]['step'] + 1, 10)
  )


@pytest.mark.fault('a checkpoint of 4 devices taken up on 1, 2 and 8')
def test_a_checkpoint_of_four_devices_goes_on_on_one_two_and_eight(tmp_path):
  """To the same numbers, to rounding."""
  settings = SETTINGS | {'train_for': '80 steps', 'evaluate_every': '20 steps'}
  command = ['--config=configs/mnist.py:batch_norm', *as_flags(settings)]
  finals = {}
  for number in (4, 1, 2, 8):
    workdir = tmp_path / str(number)
    if number != 4:
      copy_until(tmp_path / '4', workdir, step=40)
    result = program(*command, f'--workdir={workdir}', **devices(number))
    assert result.returncode == 0, result.stderr
    assert 'steps are taken again' not in result.stderr
    finals[number] = metrics_of(workdir)[-1]
  for number in (1, 2, 8):
    for tag in ('train/loss', 'test/loss', 'test/accuracy'):
      np.testing.assert_allclose(finals[number][tag], finals[4][tag], rtol=1e-3)


def copy_until(source, target, step):
  """A run as it was when that step had been saved."""
  subprocess.run(['cp', '-r', source, target], check=True)
  (target / 'summary.json').unlink()
  for path in (target / 'checkpoints').iterdir():
    if int(path.name) > step:
      subprocess.run(['rm', '-r', path], check=True)
