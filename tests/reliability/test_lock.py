"""One run in a workdir at a time, and no lock outlives the process that held it."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest

import forked
from bn_repro.run import lock
from bn_repro.run.errors import UserError
from support import PROJECT, as_flags, program

HOLD = (
  'import sys, time; from pathlib import Path; from bn_repro.run import lock\n'
  'with lock.held(Path(sys.argv[1])): print("held", flush=True); time.sleep(60)'
)


def holder(workdir):
  """A process that holds a workdir."""
  process = subprocess.Popen(
    [sys.executable, '-c', HOLD, str(workdir)], cwd=PROJECT,
    stdout=subprocess.PIPE, text=True,
  )  # fmt: skip
  assert process.stdout.readline() == 'held\n'
  return process


@pytest.mark.fault('a lock that a dead process left')
def test_the_second_is_refused_while_the_first_lives(tmp_path):
  first = holder(tmp_path)
  said = f'in use by process {first.pid} on'
  with pytest.raises(UserError, match=said), lock.held(tmp_path):
    pass
  first.kill()
  first.wait()
  with lock.held(tmp_path):  # what the dead one left is there, and blocks nobody
    assert (tmp_path / 'lock').read_text().startswith(f'process {os.getpid()} on')


@pytest.mark.fault('a second run beside one that is frozen')
def test_a_frozen_run_still_holds_its_workdir(tmp_path):
  first = holder(tmp_path)
  first.send_signal(signal.SIGSTOP)
  with pytest.raises(UserError, match='is in use'), lock.held(tmp_path):
    pass
  first.kill()
  first.wait()


@pytest.mark.fault('a file system without locks')
def test_a_file_system_without_locks_is_used_with_a_warning(
  tmp_path, monkeypatch, capsys
):
  def unsupported(*_):
    raise OSError(errno.ENOTSUP, 'Operation not supported')

  monkeypatch.setattr(fcntl, 'flock', unsupported)
  with lock.held(tmp_path):
    pass
  assert 'start only one run in it at a time' in capsys.readouterr().err


@pytest.mark.fault('a second run in the workdir')
@pytest.mark.slow
def test_two_programs_in_one_workdir(tmp_path):
  """The second leaves with code 2 and one line, and the first is not disturbed."""
  flags = as_flags({'dataset.name': 'digits', 'train_for': '200000 steps'})
  command = ['--config=configs/mnist.py:batch_norm', f'--workdir={tmp_path}', *flags]
  first = forked.start(['-m', 'bn_repro', *command])
  while not (tmp_path / 'metrics.jsonl').exists():
    time.sleep(0.05)
  second = program(*command)
  assert second.returncode == 2
  (line,) = second.stderr.splitlines()
  assert f'{tmp_path} is in use by process {first.pid}' in line
  assert first.poll() is None
  first.kill()
  first.wait()
