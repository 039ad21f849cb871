"""What a newcomer's first command leaves and says."""

import subprocess
import sys
import time

import pytest
from PIL import Image

from support import PROJECT, clean_environment


def quickstart(directory):
  return subprocess.run(
    [sys.executable, PROJECT / 'scripts' / 'quickstart.py'],
    cwd=directory, env=clean_environment(), capture_output=True, text=True, timeout=600,
  )  # fmt: skip


def test_quickstart_takes_no_arguments():
  """And makes no environment for one who asks for --help."""
  command = ['bash', PROJECT / 'scripts' / 'quickstart.sh', '--help']
  found = subprocess.run(command, capture_output=True, text=True, timeout=60)
  assert (found.returncode, found.stdout) == (2, '')
  assert found.stderr == (
    'error: quickstart.sh takes no arguments such as --help; call it without\n'
  )


@pytest.mark.slow
def test_quickstart_trains_shows_and_then_finds_the_work_done(tmp_path):
  first = quickstart(tmp_path)
  assert first.returncode == 0, first.stderr
  assert '6 of 6 runs of quickstart are finished' in first.stdout
  assert 'Embedded digits' in first.stdout and 'not MNIST' in first.stdout
  for text in ('| without BN |', '| with BN ', 'steps to 95 %', 'tensorboard --logdir'):
    assert text in first.stdout
  root = tmp_path / 'runs' / 'quickstart'
  with Image.open(root / 'report' / 'figure1.png') as figure:
    assert figure.width > 1000
  assert len(list(root.glob('*/events.out.tfevents.*'))) >= 6
  began = time.monotonic()
  second = quickstart(tmp_path)
  assert time.monotonic() - began < 30  # seconds when the machine is idle
  assert second.stdout == first.stdout
