"""Memory that one step frees stays with the process, for the next step.

glibc hands large blocks back to the kernel at once. A step of BN-x5 at 64 pixels then
touched 9,500 new pages, each of which the kernel had to clear: a sixth of its time, or
more. Threads other than the first have arenas of their own, of 64 MB each. In these,
glibc maps larger blocks and unmaps empty parts, whatever is set; how much that slowed
XLA's threads varied from start to start. So all threads share the first arena.
Elsewhere than on Linux with glibc nothing is changed.
"""

import os

# By the names of glibc's variables: the parameter of mallopt(3) that each sets, from
# malloc.h, and its value. -1 is never.
SETTINGS = {
  'MALLOC_ARENA_MAX': (-8, 1),
  'MALLOC_MMAP_MAX_': (-4, 0),
  'MALLOC_TRIM_THRESHOLD_': (-1, -1),
}


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
  ours = dict(SETTINGS)
  if _is_set('MALLOC_ARENA_'):
    del ours['MALLOC_ARENA_MAX']
  return all([mallopt(*setting) for setting in ours.values()])


def _is_set(*prefixes: str) -> bool:
  return any(name.startswith(prefixes) for name in os.environ)
