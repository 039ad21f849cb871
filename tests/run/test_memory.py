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
import resource, sys
import numpy as np
from bn_repro.run import memory
kept = memory.keep() if sys.argv[1] == 'keep' else None
turn = lambda: np.ones(2**26, np.uint8)
turn()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
  turn()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
ONE_TURN = 2**26 / 4096
is_glibc = platform.libc_ver()[0] == 'glibc'


def faults(how, **variables):
  """What `keep` returned, and how many pages were new."""
  ours = {n: v for n, v in os.environ.items() if not n.startswith('MALLOC_')}
  # numpy asks for huge pages otherwise, which are fewer.
  environment = ours | {'NUMPY_MADVISE_HUGEPAGE': '0'} | variables
  command = [sys.executable, '-c', FAULTS, how]
  output = subprocess.check_output(command, env=environment, text=True)
  kept, number = output.split()
  return kept, int(number)


@pytest.mark.skipif(not is_glibc, reason="mallopt is glibc's")
def test_freed_memory_is_used_again():
  """Without it every turn touches all of its pages anew."""
  kept, new = faults('keep')
  assert kept == 'True' and new < ONE_TURN / 10
  _, new = faults('not')
  assert new > 9 * ONE_TURN


@pytest.mark.parametrize(
  'variables', [{'MALLOC_TRIM_THRESHOLD_': '1000'},
                {'GLIBC_TUNABLES': 'glibc.malloc.hugetlb=0'}],
)  # fmt: skip
def test_settings_of_the_user_win(variables):
  assert faults('keep', **variables)[0] == 'False'


def test_another_c_library_is_left_alone(monkeypatch):
  """Such as that of macOS, which has no mallopt."""
  for name in [*os.environ]:
    if name.startswith(('MALLOC_', 'GLIBC_TUNABLES')):
      monkeypatch.delenv(name)
  monkeypatch.setattr('ctypes.CDLL', lambda name: object())
  assert not memory.keep()
