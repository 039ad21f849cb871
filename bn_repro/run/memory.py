"""Memory that one step frees stays with the process, for the next step.

glibc hands large blocks back to the kernel at once. A step of BN-x5 at 64 pixels then
touched 9,500 new pages, each of which the kernel had to clear: a sixth of its time.
Elsewhere than on Linux with glibc nothing is changed.
"""

import os

# Parameters of mallopt(3), from glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_NEVER = -1


def keep() -> bool:
  """Whether freed memory is kept from now on; a user's own settings win."""
  variables = ('MALLOC_MMAP_', 'MALLOC_TRIM_', 'MALLOC_TOP_PAD_')
  if any(name.startswith(variables) for name in os.environ):
    return False
  if 'glibc.malloc' in os.environ.get('GLIBC_TUNABLES', ''):
    return False
  import ctypes  # late: --help has no need of it

  try:
    mallopt = ctypes.CDLL(None).mallopt
  except (AttributeError, OSError, TypeError):
    return False
  # No block comes from mmap, whose blocks go back when they are freed, and the heap
  # never shrinks.
  return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, _NEVER))
