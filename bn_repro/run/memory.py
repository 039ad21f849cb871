"""Memory that one step frees stays with the process, for the next step.

glibc hands large blocks back to the kernel at once. A step of BN-x5 at 64 pixels then
touched 9,500 new pages, each of which the kernel had to clear: a sixth of its time, or
more. Threads other than the first have arenas of their own, which hand back all blocks
that exceed their 64 MB; whether XLA's threads did so differed from start to start. So
all threads share one arena. Elsewhere than on Linux with glibc nothing is changed.
"""

import os

# Parameters of mallopt(3), from glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8
_NEVER = -1


def keep() -> bool:
  """Whether freed memory is kept from now on; a user's own settings win.

  To be called before threads are started: one that has an arena keeps it.
  """
  if _is_set('MALLOC_MMAP_', 'MALLOC_TRIM_', 'MALLOC_TOP_PAD_'):
    return False
  if 'glibc.malloc' in os.environ.get('GLIBC_TUNABLES', ''):
    return False
  import ctypes  # late: with a user's settings there is no need of it

  try:
    mallopt = ctypes.CDLL(None).mallopt
  except (AttributeError, OSError, TypeError):
    return False
  if not _is_set('MALLOC_ARENA_'):
    mallopt(_M_ARENA_MAX, 1)
  # No block comes from mmap, whose blocks go back when they are freed, and the heap
  # never shrinks.
  return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, _NEVER))


def _is_set(*prefixes: str) -> bool:
  return any(name.startswith(prefixes) for name in os.environ)
