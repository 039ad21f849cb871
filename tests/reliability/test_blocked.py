"""SIGTERM and Ctrl-C while the main thread is blocked outside Python, or in a read.

The program ends within a second, with its documented code, one line and no traceback,
and the same command goes on from what was saved.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from end_to_end.test_processes import devices, free_port

import forked
from bn_repro.run import checkpoint
from reliability import test_partners
from support import PROJECT, as_flags, clean_environment, program, summary_of

BLOCKED = Path(__file__).with_name('blocked.py')
TERM, INTERRUPT = signal.SIGTERM, signal.SIGINT
SETTINGS = {
  'dataset.name': 'digits', 'train_for': '60 steps', 'log_every': '10 steps',
  'evaluate_every': '20 steps', 'checkpoint_every': '20 steps',
  'population_batches': 5, 'steps_per_call': 1, 'partner_timeout': 20,
}  # fmt: skip
SECOND = 1 + 2  # with two for a machine that others use, too
CODES = {TERM: 75, INTERRUPT: 130}
# How many steps are saved when the signal has done its work, at least; None: there is
# nothing to save.
PLACES = {
  'compilation': (TERM, None), 'first step': (INTERRUPT, 0),
  'evaluation': (TERM, 20), 'input': (INTERRUPT, 25), 'input in C': (TERM, 25),
  'input of Grain': (INTERRUPT, 40),
}  # fmt: skip
LONG_FORM = pytest.mark.reliability
# Each place with one of the signals in the ordinary suite, but these two.
EACH = [
  pytest.param(
    place, number,
    marks=LONG_FORM if place in ('first step', 'input in C') or number != usual else (),
  )
  for place, (usual, _) in PLACES.items() for number in (TERM, INTERRUPT)
]  # fmt: skip

pytestmark = pytest.mark.slow


def arguments(workdir, **overrides):
  settings = as_flags(SETTINGS | overrides)
  return ['--config=configs/mnist.py:batch_norm', f'--workdir={workdir}', *settings]


def start_blocked(place, words, environment=None):
  """The process, once it is at the place."""
  reading, writing = os.pipe()
  words = [BLOCKED, writing, place, *words]
  process = forked.start(words, env=environment, pass_fds=[writing])
  os.close(writing)
  reached = os.read(reading, 1)
  os.close(reading)
  assert reached, process.communicate()[1]
  time.sleep(0.5)
  return process


def end(process, number):
  """Sends the signal; the exit code, the seconds it took, and the lines on stderr."""
  process.send_signal(number)
  began = time.perf_counter()
  try:
    _, stderr = process.communicate(timeout=30)
  finally:
    process.kill()
  seconds = time.perf_counter() - began
  lines = stderr.replace('\r', '\n').splitlines()
  kept = ('step/s', 'waiting for', 'once more to stop')
  return process.returncode, seconds, [
    line for line in lines if line and not any(word in line for word in kept)
  ]  # fmt: skip


def check_ended(process, number, code):
  """In time, with that code, in one line that says how to go on."""
  actual, seconds, lines = end(process, number)
  assert (actual, len(lines)) == (code, 1), lines
  assert seconds < SECOND
  assert lines[0].startswith('stopped by a signal')
  assert lines[0].endswith('the same command resumes')


@pytest.mark.fault('a signal while one process is blocked')
@pytest.mark.parametrize('place, number', EACH)
def test_one_process_saves_what_can_be_read_and_leaves(tmp_path, place, number):
  """In compilations, evaluations and reads."""
  process = start_blocked(place, arguments(tmp_path))
  saved = PLACES[place][1]
  check_ended(process, number, 75 if saved is not None else CODES[number])
  if saved is not None:
    assert checkpoint.newest_step(tmp_path) >= saved
    assert list((tmp_path / 'checkpoints').iterdir())
  again = program(*arguments(tmp_path))
  assert again.returncode == 0, again.stderr
  assert summary_of(tmp_path)['last_step'] == 60


@pytest.mark.reliability
@pytest.mark.fault('a signal while a checkpoint is read')
def test_a_restore_that_hangs(tmp_path):
  """Costs nothing: all is as it was."""
  assert program(*arguments(tmp_path, train_for='20 steps')).returncode == 0
  (tmp_path / 'summary.json').unlink()
  words = arguments(tmp_path, train_for='20 steps')
  check_ended(start_blocked('restore', words), TERM, 75)
  assert program(*words).returncode == 0


def of_two(workdir, process, port):
  flags = [f'--coordinator=localhost:{port}', '--num_processes=2']
  settings = {'batch_size': 64, 'num_devices': 0, 'train_for': '100000 steps'}
  return [*arguments(workdir, **settings), *flags, f'--process_id={process}']


def start(words):
  return forked.start(['-m', 'bn_repro', *words], env=devices(2))


@pytest.mark.fault('a signal while a partner does not come')
@pytest.mark.parametrize(
  'process, number', [(0, INTERRUPT), pytest.param(1, TERM, marks=LONG_FORM)]
)
def test_joining(tmp_path, process, number):
  """Says at once for whom it waits, and where; nothing is written."""
  port = free_port()
  words = of_two(tmp_path / 'run', process, port)
  waiting = forked.start_apart(['-m', 'bn_repro', *words], env=devices(2))
  line = waiting.stderr.readline()
  assert line.startswith('waiting for 1 other') and f'localhost:{port}' in line
  time.sleep(1)
  check_ended(waiting, number, CODES[number])
  assert not (tmp_path / 'run').exists()


@pytest.mark.fault('a signal while a partner is frozen')
@pytest.mark.reliability
@pytest.mark.parametrize('frozen', [0, 1])
def test_meeting(tmp_path, frozen):
  """One that has joined, and freezes before the first collective."""
  port, number = free_port(), (TERM, INTERRUPT)[frozen]
  other = start(of_two(tmp_path, 1 - frozen, port))
  partner = start_blocked('meeting', of_two(tmp_path, frozen, port), devices(2))
  time.sleep(1.5)
  check_ended(other, number, CODES[number])
  partner.kill()
  partner.communicate()


@pytest.mark.fault('a signal while a partner is frozen')
@pytest.mark.parametrize('frozen', [pytest.param(0, marks=LONG_FORM), 1])
def test_a_collective_with_a_frozen_partner(tmp_path, frozen):
  """Costs the steps since the last checkpoint, and says so."""
  port, number = free_port(), (INTERRUPT, TERM)[frozen]
  pair = [start(of_two(tmp_path, process, port)) for process in (0, 1)]
  test_partners.wait_for_step(tmp_path, 40, pair)
  pair[frozen].send_signal(signal.SIGSTOP)
  time.sleep(1)
  code, seconds, lines = end(pair[1 - frozen], number)
  pair[frozen].kill()
  pair[frozen].communicate()
  assert code == CODES[number] and seconds < SECOND
  (line,) = lines
  assert f'while process {frozen} did not answer; it costs the steps since' in line
  assert checkpoint.restore_newest(tmp_path).step >= 40


@pytest.mark.fault('partners that never come')
def test_the_line_names_what_was_tried(tmp_path):
  """The variables of the launcher, or the flags, and what to set."""
  source = (
    'from bn_repro.run import processes as p; p.SECONDS_TO_MEET = 1; p.join({}, 60)'
  )
  step = {
    'SLURM_JOB_ID': '7', 'SLURM_STEP_NODELIST': 'localhost', 'SLURM_NTASKS': '2',
    'SLURM_PROCID': '1', 'SLURM_LOCALID': '1', 'SLURM_STEP_ID': '0',
  }  # fmt: skip
  for words, environment, names in (
    (f'"localhost:{free_port()}", 2, 1', {}, ('--coordinator', '--process_id')),
    ('None, None, None', step, ('SLURM_NTASKS=2', 'SLURM_STEP_NODELIST', '--coord')),
  ):
    ended = subprocess.run(
      [sys.executable, '-c', source.format(words)], capture_output=True, text=True,
      cwd=PROJECT, env=clean_environment() | environment, timeout=120,
    )  # fmt: skip
    waiting, line = (line for line in ended.stderr.splitlines() if line)
    assert waiting.startswith('waiting for 1 other (') and line.startswith('error: ')
    assert all(name in line for name in names)
