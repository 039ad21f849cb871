"""A process that has compiled allocates as fast as one that has not."""

import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from bn_repro.run import fragments

pytestmark = pytest.mark.skipif(
  platform.libc_ver()[0] != 'glibc', reason="the lists are glibc's"
)
# 20,000 blocks, every other one free: what a compiler leaves, of one kilobyte or 100.
PIECES = """
import sys
from bn_repro.run import exits, fragments

def resident():
  with open('/proc/self/statm') as file:
    return int(file.read().split()[1]) * 4096

def main():
  size, number = map(int, sys.argv[1:])
  blocks = [b'x' * (size + 16 * (i % 50)) for i in range(number)]
  del blocks[::2]
  before = resident()
  print(fragments.settle(), fragments.settle(), before - resident())

exits.exit_after(main)
"""
COMPILED = """
import jax
from bn_repro.run import compilation, exits, fragments

def main():
  taken = []
  settle = fragments.settle
  fragments.settle = lambda: taken.append(settle())
  fragments.SECONDS_WORTH_SETTLING = 0.0
  compilation.keep()
  def program(x):
    for i in range(20):
      x = jax.lax.sort(jax.numpy.sin(x), dimension=i % 2) @ x
    return x
  jax.jit(program)(jax.numpy.ones((9, 9)))
  print(max(taken))

exits.exit_after(main)
"""


def numbers(code, *arguments):
  """Those that a program prints."""
  command = [sys.executable, '-c', code, *map(str, arguments)]
  return [*map(int, subprocess.check_output(command, text=True).split())]


def test_free_pieces_leave_the_lists():
  taken, again, _ = numbers(PIECES, 1_000, 20_000)
  assert taken >= 10_000
  assert again == 0


def test_the_memory_of_free_pieces_is_given_back():
  *_, bytes_less = numbers(PIECES, 100_000, 2_000)
  assert bytes_less > 0.9 * 1_000 * 100_000


def test_what_a_compiler_leaves_is_taken_at_once():
  (taken,) = numbers(COMPILED)
  assert taken > 1_000


def test_only_long_compilations_are_followed_by_it(monkeypatch):
  calls = []
  monkeypatch.setattr(fragments, 'settle', lambda: calls.append(1))
  for event, seconds in ((fragments._EVENT, 2.0), (fragments._EVENT, 4.0), ('/x', 9.0)):
    fragments._settle_if_long(event, seconds, platform='cpu')
  assert calls == [1]


def test_another_thread_leaves_the_lists_alone():
  """Its own arena could be another one, and would only grow."""
  with ThreadPoolExecutor(1) as pool:
    assert pool.submit(fragments.settle).result() == 0


def test_another_c_library_is_left_alone(monkeypatch):
  """Such as that of macOS, which has no malloc_info."""
  monkeypatch.setattr('ctypes.CDLL', lambda name: object())
  assert fragments.settle() == 0
