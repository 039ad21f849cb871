"""What libraries warn of is said once a kind, in one line, with the picture's name."""

import logging
import subprocess
import sys
import threading
import warnings

import pytest

from bn_repro.run import notices
from support import PROJECT


@pytest.fixture
def quiet(monkeypatch):
  """As in a new process of a program; all is as before afterwards."""
  monkeypatch.setattr(notices, '_said', set())
  monkeypatch.setattr(notices, '_shared', None)
  logger = logging.getLogger('PIL')
  monkeypatch.setattr(logger, 'propagate', logger.propagate)
  monkeypatch.setattr(logger, 'handlers', list(logger.handlers))
  with warnings.catch_warnings():
    warnings.simplefilter('always')
    notices.keep_quiet()
    yield


def lines(capfd) -> list[str]:
  return [line for line in capfd.readouterr().err.splitlines() if line]


def test_a_kind_is_said_once_though_its_text_differs(quiet, capfd):
  for number in range(5):
    with notices.reading(f'train example {number}'):
      warnings.warn(f'only {number} bytes\nof EXIF.', UserWarning, stacklevel=1)
  assert lines(capfd) == [
    'warning: train example 0: only 0 bytes of EXIF; it is read, and others like it '
    'unnamed'
  ]


def test_kinds_are_told_apart_by_their_place_or_by_their_name(quiet, capfd):
  warnings.warn('one', UserWarning, stacklevel=1)
  warnings.warn('another', UserWarning, stacklevel=1)
  for kind in 'abab':
    warnings.warn(notices.Notice(f'of ours: {kind}', kind), stacklevel=1)
  said = [line.removeprefix('warning: ') for line in lines(capfd)]
  assert said == ['one', 'another', 'of ours: a', 'of ours: b']


def test_what_pillow_logs_is_said_as_what_it_warns_of(quiet, capfd):
  logger = logging.getLogger('PIL.TiffImagePlugin')
  for number in range(3):
    with notices.reading(f'train example {number}'):
      logger.warning('tag %d has too many entries', number)
      logger.debug('nothing')
  (line,) = lines(capfd)
  assert line.startswith('warning: train example 0: tag 0 has too many entries;')


def test_a_warning_belongs_to_the_picture_of_its_thread(quiet, capfd):
  """Eight threads, each with a picture of its own, warn at the same moment."""
  together = threading.Barrier(8)

  def read(number):
    with notices.reading(f'picture {number}'):
      together.wait()
      warnings.warn(notices.Notice(f'is number {number}', str(number)), stacklevel=1)

  threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
  [thread.start() for thread in threads]
  [thread.join() for thread in threads]
  said = sorted(
    line.removeprefix('warning: ').partition(';')[0] for line in lines(capfd)
  )
  assert said == [f'picture {number}: is number {number}' for number in range(8)]


def test_several_processes_say_it_once(quiet, capfd, tmp_path):
  code = (
    'import sys, warnings; from pathlib import Path; from bn_repro.run import notices; '
    'notices.keep_quiet(Path(sys.argv[1])); warnings.warn("odd")'
  )
  command = [sys.executable, '-c', code, str(tmp_path)]
  for _ in range(3):
    subprocess.run(command, cwd=PROJECT, check=True)
  assert lines(capfd) == ['warning: odd']
