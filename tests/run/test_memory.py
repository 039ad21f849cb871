"""What a process frees stays with it."""

import os
import platform
import subprocess
import sys

import pytest

from bn_repro.run import memory

# Pages that ten turns touch anew, of 64 MB each: one large block freed and asked for
# again, as XLA does with the working memory of a step.
FAULTS = """
import resource, sys, threading
import numpy as np
from bn_repro.run import exits

def measure():
  turn = lambda: np.ones(2**26, np.uint8)
  turn()
  before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
  for _ in range(10):
    turn()
  print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

def of_thread():
  thread = threading.Thread(target=measure)
  thread.start()
  thread.join()

measured = of_thread if sys.argv[2] == 'thread' else measure
exits.exit_after(measured) if sys.argv[1] == 'program' else measured()
"""
KEEP = 'from bn_repro.run import memory; print(memory.keep())'
ONE_TURN = 2**26 / 4096
is_glibc = platform.libc_ver()[0] == 'glibc'


def printed(code, *words, **variables):
  """By a process with no settings of malloc but these."""
  ours = {n: v for n, v in os.environ.items() if not n.startswith('MALLOC_')}
  # numpy asks for huge pages otherwise, which are fewer.
  environment = ours | {'NUMPY_MADVISE_HUGEPAGE': '0'} | variables
  command = [sys.executable, '-c', code, *words]
  return subprocess.check_output(command, env=environment, text=True).strip()


@pytest.mark.skipif(not is_glibc, reason="mallopt is glibc's")
@pytest.mark.parametrize('where', ['main', 'thread'])
def test_freed_memory_is_used_again(where):
  """In all threads of our programs; elsewhere every turn touches all pages anew."""
  assert int(printed(FAULTS, 'program', where)) < ONE_TURN / 10
  assert int(printed(FAULTS, 'other', where)) > 9 * ONE_TURN


@pytest.mark.parametrize(
  'variables', [{'MALLOC_TRIM_THRESHOLD_': '1000'},
                {'GLIBC_TUNABLES': 'glibc.malloc.hugetlb=0'}],
)  # fmt: skip
def test_settings_of_the_user_win(variables):
  assert printed(KEEP, **variables) == 'False'


@pytest.mark.skipif(not is_glibc, reason="mallopt is glibc's")
def test_a_number_of_arenas_of_the_user_stays():
  """Some clusters set one for all; what is freed by the first thread is kept still."""
  arenas = {'MALLOC_ARENA_MAX': '4'}
  assert printed(KEEP, **arenas) == 'True'
  assert int(printed(FAULTS, 'program', 'main', **arenas)) < ONE_TURN / 10
  assert int(printed(FAULTS, 'program', 'thread', **arenas)) > 9 * ONE_TURN


def test_another_c_library_is_left_alone(monkeypatch):
  """Such as that of macOS, which has no mallopt."""
  for name in [*os.environ]:
    if name.startswith(('MALLOC_', 'GLIBC_TUNABLES')):
      monkeypatch.delenv(name)
  monkeypatch.setattr('ctypes.CDLL', lambda name: object())
  assert not memory.keep()
