"""A disk that is full or closed, a lost folder, too little memory.

One clear line and code 71; what was good stays good, and the next start works once
the cause is gone.
"""

import shutil
import subprocess
import time

import pytest

import forked
from bn_repro.run.checkpoint import restore_newest
from reliability import killing
from support import as_flags, program

OVERRIDES = {
  'dataset.name': 'digits', 'train_for': '400 steps', 'log_every': '10 steps',
  'evaluate_every': '20 steps', 'checkpoint_every': '20 steps',
  'population_batches': 5, 'momentum': 0.9,
}  # fmt: skip

pytestmark = pytest.mark.slow


def arguments(workdir, **overrides):
  config = '--config=configs/mnist.py:batch_norm'
  return [config, f'--workdir={workdir}', *as_flags(OVERRIDES | overrides)]


def complaint(result):
  """The one line that a run leaves with code 71; progress bars aside."""
  assert result.returncode == 71, result.stderr
  lines = result.stderr.replace('\r', '\n').splitlines()
  is_bar = lambda line: 'step/s' in line or 's/step' in line  # where it is slow
  (line,) = [line for line in lines if line and not is_bar(line)]
  return line.removeprefix('error: ')


@pytest.fixture
def small_disk(tmp_path):
  """A file system of its own, of 700 KB."""
  made = tmp_path / 'disk'
  made.mkdir()
  mount = ['mount', '-t', 'tmpfs', '-o', 'size=700k', 'tmpfs', str(made)]
  if not shutil.which('mount') or subprocess.run(mount, capture_output=True).returncode:
    pytest.skip('no file system can be mounted here')
  yield made
  subprocess.run(['umount', str(made)], check=True)


@pytest.mark.fault('a full disk')
def test_a_full_disk(tmp_path, small_disk):
  workdir = small_disk / 'run'
  line = complaint(program(*arguments(workdir)))
  assert 'No space left on device' in line
  newest = restore_newest(workdir).step
  assert 0 < newest < 400
  larger = ['mount', '-o', 'remount,size=30m', str(small_disk)]
  subprocess.run(larger, check=True)
  assert program(*arguments(workdir)).returncode == 0
  assert program(*arguments(tmp_path / 'alone')).returncode == 0
  assert killing.differences(tmp_path / 'alone', workdir) == []


def steps_saved(workdir):
  names = [path.name for path in (workdir / 'checkpoints').glob('*')]
  return [int(name) for name in names if name.isdecimal()]


def start_and_wait_for_a_checkpoint(workdir, after=0):
  """A run of many steps, until it has saved a step later than `after`."""
  words = arguments(workdir, train_for='900000 steps')
  process = forked.start(['-m', 'bn_repro', *words])
  while max(steps_saved(workdir), default=0) <= after:
    assert process.poll() is None, process.communicate()
    time.sleep(0.02)
  return process


def end(process):
  stdout, stderr = process.communicate(timeout=60)
  return subprocess.CompletedProcess([], process.returncode, stdout, stderr)


@pytest.mark.fault('checkpoints that turn read-only')
def test_a_workdir_that_turns_read_only(tmp_path):
  folder = str(tmp_path / 'checkpoints')
  process = start_and_wait_for_a_checkpoint(tmp_path)
  mounted = subprocess.run(['mount', '--bind', folder, folder], capture_output=True)
  if mounted.returncode:
    process.kill()
    pytest.skip('nothing can be mounted here')
  subprocess.run(['mount', '-o', 'remount,ro,bind', folder], check=True)
  try:
    assert 'Read-only file system' in complaint(end(process))
  finally:
    subprocess.run(['umount', folder], check=True)
  reached = restore_newest(tmp_path).step
  process = start_and_wait_for_a_checkpoint(tmp_path, after=reached)
  process.terminate()
  assert end(process).returncode == 75
  assert restore_newest(tmp_path).step > reached > 0


@pytest.mark.fault('checkpoints deleted under the run')
def test_a_folder_of_checkpoints_deleted_under_the_run(tmp_path):
  """The run says so and goes on, or, if it was just saving, ends in one line."""
  process = start_and_wait_for_a_checkpoint(tmp_path)
  (tmp_path / 'checkpoints').rename(tmp_path / 'gone')
  time.sleep(3)
  process.terminate()
  ended = end(process)
  assert 'Traceback' not in ended.stderr
  if ended.returncode == 75:
    assert restore_newest(tmp_path).step > 0
  else:
    assert 'a checkpoint could not be saved in' in complaint(ended)


@pytest.mark.fault('too little memory on the device')
def test_too_little_memory_on_the_device(tmp_path):
  large = {'batch_size': 2**20, 'model.hidden_sizes': '(131072, 131072)'}
  assert 'not enough memory' in complaint(program(*arguments(tmp_path, **large)))
