"""Processes that decode are killed, or left alone: one line, and none remains."""

import io
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from data.prepared import examples, photograph, prepare
from reliability import reading
from support import clean_environment

SECONDS = 60  # in which a program must end, on a machine with other work

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
  """Good pictures, and pictures of which one is cut."""
  made = tmp_path_factory.mktemp('data')
  good = examples(12)
  prepare(made, 'good', good, good)
  prepare(made, 'cut', examples(12, broken=[5]), good)
  return made


def start(data_dir, name='good', workers=2, before=()):
  """The program that reads, in a session of its own."""
  return subprocess.Popen(
    [*before, sys.executable, reading.__file__, name, str(workers)],
    env=clean_environment() | {'TFDS_DATA_DIR': str(data_dir)},
    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
  )  # fmt: skip


def started(data_dir):
  """The program and the numbers of its processes, once they decode."""
  program = start(data_dir)
  return program, [int(number) for number in program.stdout.readline().split()]


def line_of(program, code):
  """The one line on the screen of a program that ends with this code."""
  _, said = program.communicate(timeout=SECONDS)
  assert program.returncode == code, said
  (line,) = said.strip().splitlines()
  return line


def wait_until_gone(numbers):
  until = time.monotonic() + SECONDS
  while any(os.path.exists(f'/proc/{number}') for number in numbers):
    assert time.monotonic() < until, 'a decoding process outlives the program'
    time.sleep(0.1)


def check_death(data_dir, name):
  program, numbers = started(data_dir)
  assert len(numbers) == 2
  os.kill(numbers[0], getattr(signal, name))
  line = line_of(program, 71)
  assert line.startswith(f'error: one of 2 decoding processes was ended by {name}')
  for word in ('/dev/shm', 'free', 'needs up to', '--config.dataset.workers'):
    assert word in line
  wait_until_gone(numbers)


@pytest.mark.fault('a decoding process killed')
def test_a_process_that_is_killed_is_one_line(data_dir):
  check_death(data_dir, 'SIGKILL')


@pytest.mark.reliability
@pytest.mark.parametrize('name', ['SIGBUS', 'SIGSEGV', 'SIGABRT', 'SIGFPE'])
@pytest.mark.fault('a decoding process ended by a fault of its own')
def test_a_process_that_ends_by_a_fault_is_one_line(data_dir, name):
  check_death(data_dir, name)


@pytest.mark.fault('the program killed, its decoding processes left')
def test_processes_end_with_a_program_that_is_killed(data_dir):
  program, numbers = started(data_dir)
  program.kill()
  program.communicate(timeout=SECONDS)
  wait_until_gone(numbers)


@pytest.mark.reliability
@pytest.mark.parametrize(
  'number, code',
  [(signal.SIGINT, 130), (signal.SIGTERM, 75), (signal.SIGHUP, 75)],
  ids=['INT', 'TERM', 'HUP'],
)
@pytest.mark.fault('Ctrl-C, SIGTERM or SIGHUP to all processes')
def test_a_signal_to_all_processes_is_the_programs_alone(data_dir, number, code):
  """As a terminal and a cluster send it: no tracebacks of the others."""
  program, numbers = started(data_dir)
  os.killpg(program.pid, number)
  assert 'the same command resumes' in line_of(program, code)
  wait_until_gone(numbers)


@pytest.mark.reliability
@pytest.mark.fault('a SIGTERM to the decoding processes alone')
def test_processes_read_on_after_a_sigterm(data_dir):
  """The program needs them to finish its step; it was sent the same."""
  program, numbers = started(data_dir)
  for number in numbers:
    os.kill(number, signal.SIGTERM)
  time.sleep(3)
  assert program.poll() is None
  assert all(os.path.exists(f'/proc/{number}') for number in numbers)
  program.kill()
  program.communicate(timeout=SECONDS)
  wait_until_gone(numbers)


@pytest.mark.fault('a cut picture, read by processes')
def test_a_cut_picture_is_one_line_with_processes_too(data_dir):
  line = line_of(start(data_dir, 'cut'), 2)
  assert line.startswith('error: train example 5 (5.jpg) is not a readable image')


@pytest.mark.fault('too little shared memory')
def test_too_little_shared_memory_is_said_before_anything_is_read(data_dir):
  if not shutil.which('unshare'):
    pytest.skip('no unshare here')
  small = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"'
  before = ['unshare', '--mount', 'sh', '-c', small, 'sh']
  if subprocess.run([*before, 'true'], capture_output=True).returncode:
    pytest.skip('no file system can be mounted here')
  line = line_of(start(data_dir, before=before), 71)
  assert line.startswith('error: 2 decoding processes need up to')
  assert '/dev/shm has 1.0 MB free' in line and 'docker run --shm-size=' in line


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.fault('broken EXIF data in every picture')
def test_a_warning_of_every_picture_is_said_once(data_dir, workers, request):
  """With the name of the first, in one line, by threads and by processes."""
  name = f'exif{workers}'
  good = examples(40)
  with_exif = [each._replace(data=broken_exif(i)) for i, each in enumerate(good)]
  prepare(data_dir, name, with_exif, good)
  program = start(data_dir, name, workers)
  program.stdout.readline()
  time.sleep(1)
  program.terminate()
  _, said = program.communicate(timeout=SECONDS)
  warned = [line for line in said.splitlines() if line and 'stopped' not in line]
  assert 1 <= len(warned) <= 2, said  # Pillow has two kinds
  for line in warned:
    assert line.startswith('warning: train example '), said
    assert '.jpg): ' in line


def broken_exif(number: int) -> bytes:
  """A picture with one odd EXIF tag beside offsets that lie outside."""
  tag = bytes([0x12 + number % 20, 1, 9, 0])
  exif = b'Exif\0\0II*\0\x08\0\0\0\xff\xff' + tag + b'\xff\xff\xff\x7f' * 3
  file = io.BytesIO()
  image = Image.open(io.BytesIO(photograph(number, 40, 48)))
  image.save(file, 'JPEG', exif=exif)
  return file.getvalue()
