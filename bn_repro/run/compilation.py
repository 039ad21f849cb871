"""JAX's persistent cache of compiled programs, in the user's cache folder.

Each kind of processor and each number of cores has its own: JAX does not check which
instructions a program needs, machines may share a home, and XLA splits loops into as
many parts as there were cores when it compiled.
"""

import hashlib
import os
import platform

import jax

from bn_repro.run import devices, fragments, places, provenance

# A program that compiles faster is not worth a file.
_SECONDS_WORTH_KEEPING = 0.3
_CHOSEN = 'JAX_COMPILATION_CACHE_DIR'
_THRESHOLD = 'jax_persistent_cache_min_compile_time_secs'


def keep() -> None:
  """Turns the cache on where its folder can be written; JAX's own settings win.

  What compiling leaves behind in malloc is settled from now on (fragments.py).
  """
  fragments.settle_after_compiling()
  if chosen := places.variable(_CHOSEN):
    # JAX itself would make a folder named ~, or one in the current directory.
    return jax.config.update('jax_compilation_cache_dir', str(chosen))
  cache = places.cache()
  if cache is None or jax.config.jax_compilation_cache_dir is not None:
    return None
  folder = cache / 'compiled' / _processor()
  try:
    folder.mkdir(parents=True, exist_ok=True)
  except OSError:
    return None
  jax.config.update('jax_compilation_cache_dir', str(folder))
  if _THRESHOLD.upper() not in os.environ:
    jax.config.update(_THRESHOLD, _SECONDS_WORTH_KEEPING)


def _processor() -> str:
  """A name that two processes share only if instructions and cores are the same."""
  starts = ('model name', 'flags', 'Features')
  known = {line for line in provenance.lines_on_processors() if line.startswith(starts)}
  cores = str(len(devices.cores()))
  text = '\n'.join([platform.machine(), platform.processor(), cores, *sorted(known)])
  return hashlib.sha256(text.encode()).hexdigest()[:16]
