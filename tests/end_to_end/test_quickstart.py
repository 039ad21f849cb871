"""What a newcomer's first command leaves and says."""

import shutil
import subprocess
import time

import pytest
from PIL import Image

from support import PROJECT


@pytest.fixture
def checkout(tmp_path):
  """A copy of what the command runs, with a tenth of the steps; the rest is linked."""
  shutil.copytree(PROJECT / 'configs', tmp_path / 'configs')
  (tmp_path / 'scripts').mkdir()
  for name in ('quickstart.py', 'project.py'):
    shutil.copy(PROJECT / 'scripts' / name, tmp_path / 'scripts')
  (tmp_path / 'bn_repro').symlink_to(PROJECT / 'bn_repro')
  sweep = tmp_path / 'configs' / 'sweeps' / 'quickstart.py'
  text = sweep.read_text()
  assert text.count("'5_000 steps'") == 1
  sweep.write_text(text.replace("'5_000 steps'", "'500 steps'"))
  return tmp_path


def quickstart(directory, forks):
  python, environment = forks
  return subprocess.run(
    [python, directory / 'scripts' / 'quickstart.py'],
    cwd=directory, env=environment, capture_output=True, text=True, timeout=600,
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
def test_quickstart_trains_shows_and_then_finds_the_work_done(checkout, forks):
  first = quickstart(checkout, forks)
  assert first.returncode == 0, first.stderr
  assert '6 of 6 runs of quickstart are finished' in first.stdout
  assert 'Embedded digits' in first.stdout and 'not MNIST' in first.stdout
  for text in ('| without BN |', '| with BN ', 'steps to 95 %', 'tensorboard --logdir'):
    assert text in first.stdout
  root = checkout / 'runs' / 'quickstart'
  with Image.open(root / 'report' / 'figure1.png') as figure:
    assert figure.width > 1000
  assert len(list(root.glob('*/events.out.tfevents.*'))) >= 6
  began = time.monotonic()
  second = quickstart(checkout, forks)
  assert time.monotonic() - began < 30  # seconds when the machine is idle
  assert second.stdout == first.stdout
