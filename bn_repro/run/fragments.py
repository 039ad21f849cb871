"""What compiling leaves behind in malloc's lists is taken out of them.

XLA's compiler frees most of its memory in pieces between what it keeps: 105,000 pieces,
1.3 GB, for the step of BN-x5. At each allocation glibc searches lists of them, sorted
by size, and oneDNN allocates 74 kB for each of 900 products of a step. In the process
that had compiled it a step took 98 ms, to the end of the run; in one that read the same
program from JAX's cache it took 57 (jax 0.10.2, glibc 2.36, one core). So the pieces'
pages go back to the kernel, and the pieces themselves, which are addresses then and no
memory, are allocated and never freed.
"""

import ctypes
import functools
import itertools
import os
import threading
from xml.etree import ElementTree

import jax

# After programs that compile faster there are few pieces.
SECONDS_WORTH_SETTLING = 3.0
_EVENT = '/jax/core/compile/backend_compile_duration'
_FEW = 1000  # pieces, which a search passes in a few microseconds
_PASSES = 8  # each leaves remainders, a fifth as many as there were pieces
_HEADER = ctypes.sizeof(ctypes.c_size_t)
_FLAGS = 7  # the lowest bits of a size say something else


@functools.cache  # a second listener would do the same again
def settle_after_compiling() -> None:
  """Calls `settle` whenever JAX has compiled for long in this process, from now on.

  For programs that compile a few programs and run them for long: the next compilation
  could have used the pieces.
  """
  jax.monitoring.register_event_duration_secs_listener(_settle_if_long)


def _settle_if_long(event: str, seconds: float, **unused) -> None:
  if event == _EVENT and seconds > SECONDS_WORTH_SETTLING:
    settle()


def settle() -> int:
  """Takes free pieces out of the lists of glibc's malloc; returns how many.

  Of the first arena, which the main thread allocates from, and in our programs every
  thread (memory.py). Elsewhere than on Linux with glibc nothing is done.
  """
  if threading.current_thread() is not threading.main_thread():
    return 0
  try:
    libc = ctypes.CDLL(None)
    libc.fdopen.restype = libc.malloc.restype = ctypes.c_void_p
    libc.malloc_trim(0)
    passes = (_taken(libc) for _ in range(_PASSES))
    return sum(itertools.takewhile(bool, passes))
  except (AttributeError, OSError, TypeError, ElementTree.ParseError):
    return 0


def _taken(libc: ctypes.CDLL) -> int:
  """Allocates each piece, of each list the smallest first; how many, 0 if too few."""
  lists = _lists(libc)
  if (number := sum(count for _, count in lists)) < _FEW:
    return 0
  for size, count in lists:
    for _ in range(count):
      libc.malloc(ctypes.c_size_t(size - _HEADER))
  return number


def _lists(libc: ctypes.CDLL) -> list[tuple[int, int]]:
  """The size in bytes of the smallest piece of each list, and how many it has."""
  with open(os.memfd_create('malloc_info')) as text:
    file = ctypes.c_void_p(libc.fdopen(os.dup(text.fileno()), b'w'))
    libc.malloc_info(0, file)
    libc.fclose(file)
    text.seek(0)
    first_arena = ElementTree.parse(text).find('heap')
  return [
    (int(each.get('from')) & ~_FLAGS, int(each.get('count')))
    for each in first_arena.iterfind('sizes/size')
  ]
