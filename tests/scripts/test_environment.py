"""The scripts enter an environment that works, whatever became of the one they made."""

import shutil
import subprocess
import sys

import pytest

from support import PROJECT, clean_environment

ENTER = """
set -euo pipefail
source scripts/environment.sh
environment
python -c 'import sys; print(sys.prefix)'
"""


def enter(folder, **variables):
  """What `environment` says and, last, which environment was entered."""
  ended = subprocess.run(
    ['bash', '-c', ENTER], cwd=folder, env=clean_environment() | variables,
    capture_output=True, text=True, timeout=600,
  )  # fmt: skip
  assert ended.returncode == 0, ended.stderr
  return ended.stdout.splitlines()


@pytest.fixture
def checkout(tmp_path):
  """A folder with an environment that needs no package."""
  folder = tmp_path / 'checkout'
  (folder / 'scripts').mkdir(parents=True)
  shutil.copy(PROJECT / 'scripts' / 'environment.sh', folder / 'scripts')
  (folder / 'requirements.txt').touch()
  make = [sys.executable, '-m', 'venv', '--without-pip', folder / '.venv']
  subprocess.run(make, check=True)
  return folder


def test_an_environment_that_is_there_is_entered(checkout):
  assert enter(checkout) == [str(checkout / '.venv')]


def test_a_checkout_that_was_moved(checkout):
  """Its environment goes with it."""
  moved = checkout.rename(checkout.with_name('moved'))
  assert enter(moved) == [str(moved / '.venv')]


def test_an_environment_whose_python_is_gone_is_made_again(checkout):
  """As after an upgrade of the system."""
  python = checkout / '.venv' / 'bin' / 'python'
  python.unlink()
  python.symlink_to('/usr/bin/python_that_is_gone')
  quick = checkout / 'quick'  # without pip, which takes long
  quick.write_text(
    f'#!/bin/sh\nif [ "$1" = -m ]; then set -- "$@" --without-pip; fi\n'
    f'exec {sys.executable} "$@"\n'
  )
  quick.chmod(0o700)
  *said, entered = enter(checkout, PYTHON=str(quick))
  assert said[0].startswith('making .venv with Python')
  assert entered == str(checkout / '.venv')
