"""What was compiled once is kept for the next start, by JAX's persistent cache.

A program for a processor may use instructions that another one lacks, and JAX does
not ask: each kind of processor has a folder of its own, for homes that machines
share. Does not know what is compiled.
"""

import hashlib
import os
import platform
from pathlib import Path

import jax

from bn_repro.run import places

# A program that compiles faster is not worth a file.
_SECONDS_WORTH_KEEPING = 0.3
_CHOSEN = 'JAX_COMPILATION_CACHE_DIR'
_THRESHOLD = 'jax_persistent_cache_min_compile_time_secs'


def keep() -> None:
  """Reads and keeps compiled programs in the user's cache folder.

  $JAX_COMPILATION_CACHE_DIR and JAX's other settings have the last word. A folder
  that cannot be written costs the compilation, and nothing else.

  Raises:
    UserError: $JAX_COMPILATION_CACHE_DIR or $XDG_CACHE_HOME is no path.
  """
  if chosen := places.variable(_CHOSEN):
    # JAX itself would make a folder named ~, or one in the current directory.
    return jax.config.update('jax_compilation_cache_dir', str(chosen))
  if jax.config.jax_compilation_cache_dir is not None:
    return None
  folder = cache_folder()
  if folder is None:
    return None
  folder /= _processor()
  try:
    folder.mkdir(parents=True, exist_ok=True)
  except OSError:
    return None
  jax.config.update('jax_compilation_cache_dir', str(folder))
  if _THRESHOLD.upper() not in os.environ:
    jax.config.update(_THRESHOLD, _SECONDS_WORTH_KEEPING)


def cache_folder() -> Path | None:
  """In the user's cache folder; None where there is none."""
  cache = places.cache()
  return cache and cache / 'compiled'


def _processor() -> str:
  """A name that two processors share only if they know the same instructions."""
  try:
    lines = Path('/proc/cpuinfo').read_text().splitlines()
  except OSError:
    lines = []
  known = {
    line for line in lines if line.startswith(('model name', 'flags', 'Features'))
  }
  text = '\n'.join([platform.machine(), platform.processor(), *sorted(known)])
  return hashlib.sha256(text.encode()).hexdigest()[:16]
