"""The progress bar of everything that takes long. Imports nothing heavy."""

import sys
from typing import Any

from tqdm import tqdm


def progress_bar(total: int, unit: str, name: str, **options: Any) -> tqdm:
  """A bar of `total` units with the time left; `options` are those of tqdm."""
  interval = 0.2 if sys.stderr.isatty() else 30  # seconds; a line each in a log file
  options = {'mininterval': interval, 'maxinterval': 60} | options
  return tqdm(total=total, unit=unit, desc=name, **options)
