"""SIGTERM and Ctrl-C: the step is finished, saved, and gone on from."""

import signal
import subprocess
import sys
import time

import pytest

import forked
from reliability import killing
from reliability.killing import Signal
from support import PROJECT, as_flags, clean_environment, program

LONG = {
  'dataset.name': 'digits', 'train_for': '600 steps', 'log_every': '60 steps',
  'evaluate_every': '120 steps', 'checkpoint_every': '240 steps',
  'population_batches': 5, 'steps_per_call': 7, 'momentum': 0.9,
}  # fmt: skip
TERM, INTERRUPT = signal.SIGTERM, signal.SIGINT


def arguments(workdir):
  config = '--config=configs/mnist.py:batch_norm'
  return [config, f'--workdir={workdir}', *as_flags(LONG)]


@pytest.fixture(scope='module')
def alone(tmp_path_factory):
  """A run that nobody disturbed."""
  workdir = tmp_path_factory.mktemp('signals') / 'alone'
  result = killing.run_with(killing.NEVER, arguments(workdir))
  assert result.returncode == 0, result.stderr
  return workdir


@pytest.mark.slow
@pytest.mark.parametrize('number', [TERM, INTERRUPT], ids=['SIGTERM', 'SIGINT'])
def test_stopped_at_many_places_and_resumed(tmp_path, alone, number, record_property):
  """Code 75 and one line each time; then the same bits, from the very step on."""
  places = [('step', 2, 0.02), ('evaluation', 1, 0.0), ('evaluation', 1, 0.1),
            ('save', 1, 0.0), ('record', 3, 0.0)]  # fmt: skip
  for place in places:
    ended = killing.run_with(Signal(*place, number), arguments(tmp_path))
    assert ended.returncode == 75, ended.stderr
    assert 'stopped by a signal; the same command resumes' in ended.stderr
    assert 'Traceback' not in ended.stderr and 'warning' not in ended.stderr
    assert list((tmp_path / 'checkpoints').glob('*'))
  assert program(*arguments(tmp_path)).returncode == 0
  assert killing.differences(alone, tmp_path) == []
  record_property('faults', (f'{number.name} at some place', len(places), 0))


@pytest.mark.fault('SIGTERM before training')
def test_sigterm_before_training(tmp_path):
  """There is nothing to save, and the same code and a line say so."""
  ended = killing.run_with(Signal('start', 1, 1.0, TERM), arguments(tmp_path / 'run'))
  assert ended.returncode in (75, -TERM)  # the latter before our first line runs
  assert 'Traceback' not in ended.stderr


def test_a_second_ctrl_c_ends_a_process_that_leaves():
  """By the system, not by an exception, which some callbacks cannot raise."""
  source = """
import signal
from bn_repro.run.signals import Interruption
with Interruption():
  signal.raise_signal(signal.SIGINT)
signal.raise_signal(signal.SIGINT)
"""
  ended = subprocess.run(
    [sys.executable, '-c', source],
    cwd=PROJECT, env=clean_environment(), capture_output=True, text=True,
  )  # fmt: skip
  assert ended.returncode == -INTERRUPT
  assert 'Traceback' not in ended.stderr


@pytest.mark.fault('a second Ctrl-C')
@pytest.mark.slow
def test_a_second_ctrl_c_ends_at_once(tmp_path, alone):
  """And costs no more than the steps since the last good checkpoint."""
  process = forked.start(['-m', 'bn_repro', *arguments(tmp_path)])
  while not list((tmp_path / 'checkpoints').glob('240')):
    assert process.poll() is None
    time.sleep(0.005)
  process.send_signal(INTERRUPT)
  time.sleep(0.02)
  process.send_signal(INTERRUPT)
  began = time.perf_counter()
  _, said = process.communicate()
  assert process.returncode in (75, -INTERRUPT)  # 75 if it was quicker than we
  assert time.perf_counter() - began < 5
  assert 'Traceback' not in said
  assert program(*arguments(tmp_path)).returncode == 0
  assert killing.differences(alone, tmp_path) == []


UNREAD = """
import signal
from bn_repro.run import errors, exits
from bn_repro.run.progress import progress_bar
from bn_repro.run.signals import Interruption

def action():
  with Interruption() as interruption, progress_bar(2, 'step', 'run') as bar:
    errors.warn('of something')
    signal.raise_signal(signal.SIGINT)
    bar.update()
    print('saved', flush=True)
    interruption.check()

exits.exit_after(action)
"""


@pytest.mark.fault('Ctrl-C where stderr cannot be written')
@pytest.mark.parametrize('to', ['2> >(exit)', '2> /dev/full', '2>&-'])
def test_a_run_whose_messages_nobody_reads_is_saved_all_the_same(to):
  """As in `2>&1 | tee log`: Ctrl-C ends the reader, too. Or it is full, or closed."""
  ended = subprocess.run(
    ['bash', '-c', f'exec "$0" -c "$1" {to}', sys.executable, UNREAD],
    cwd=PROJECT, env=clean_environment(), capture_output=True, text=True,
  )  # fmt: skip
  assert (ended.returncode, ended.stdout) == (75, 'saved\n')


HANGUP = """
import signal
from bn_repro.run import exits
from bn_repro.run.signals import Interruption

def action():
  with Interruption() as interruption:
    signal.raise_signal(signal.SIGHUP)
    print('goes on', flush=True)
    interruption.check()

exits.exit_after(action)
"""


@pytest.mark.fault('a terminal that closes')
@pytest.mark.parametrize('at_start, code', [('SIG_DFL', 75), ('SIG_IGN', 0)])
def test_a_run_is_saved_when_its_terminal_closes(at_start, code):
  """And under `nohup`, which has the signal ignored, it goes on."""
  started = f'import signal; signal.signal(signal.SIGHUP, signal.{at_start})'
  ended = subprocess.run(
    [sys.executable, '-c', started + HANGUP],
    cwd=PROJECT, env=clean_environment(), capture_output=True, text=True,
  )  # fmt: skip
  assert (ended.returncode, ended.stdout) == (code, 'goes on\n'), ended.stderr
  assert ('stopped by a signal' in ended.stderr) == (code == 75)


CLOSED = """
import os
from bn_repro.run import exits

def action():
  with open('numbers', 'w') as file:
    assert file.fileno() > 2
  print('lost')

exits.exit_after(action)
"""


def test_no_file_of_a_run_takes_the_number_of_a_stream_that_is_closed(tmp_path):
  """Or what is said would be written into that file."""
  closed = 'exec "$0" -c "$1" <&- >&- 2>&-'
  environment = clean_environment() | {'PYTHONPATH': str(PROJECT)}
  ended = subprocess.run(
    ['bash', '-c', closed, sys.executable, CLOSED], cwd=tmp_path, env=environment
  )
  assert ended.returncode == 0


SLOW_TO_FREE = """
import time
from bn_repro.run import exits
from bn_repro.run.errors import Preempted

class Reader:
  def __del__(self):
    time.sleep(60)

def action():
  reader = Reader()
  raise Preempted('stopped')

exits.exit_after(action)
"""


def test_a_reader_that_is_slow_to_free_is_not_waited_for():
  """Grain waits for half a minute for each decoding process that does not answer."""
  result = subprocess.run(
    [sys.executable, '-c', SLOW_TO_FREE], cwd=PROJECT, env=clean_environment(),
    capture_output=True, text=True, timeout=30,
  )  # fmt: skip
  assert (result.returncode, result.stderr) == (75, 'stopped\n')
