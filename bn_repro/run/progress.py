"""The progress bar, and how far a run has recorded. Imports nothing heavy."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

# Bytes at the end of a metrics.jsonl that are read first; they hold most last lines.
_TAIL = 20_000


def progress_bar(total: int, unit: str, name: str, **options: Any) -> tqdm:
  """A bar of `total` units with the time left; `options` are those of tqdm."""
  interval = 0.2 if sys.stderr.isatty() else 30  # seconds; a line each in a log file
  options = {'mininterval': interval, 'maxinterval': 60} | options
  return tqdm(total=total, unit=unit, desc=name, **options)


def last_step(path: Path) -> int:
  """The step of the last whole line of a metrics.jsonl; 0 without one or for damage.

  Raises OSError where it cannot be read.
  """
  if not path.is_file():  # to read a pipe would block
    return 0
  with path.open('rb') as file:
    size = file.seek(0, os.SEEK_END)
    for length in (_TAIL, size):
      file.seek(max(0, size - length))
      lines = file.read().split(b'\n')[:-1]
      if len(lines) > 1:  # the first may be the end of one
        break
  try:
    return int(json.loads(lines[-1])['step']) if lines else 0
  except (ValueError, KeyError, TypeError, RecursionError):
    return 0
