"""The progress bar of everything that takes long. Imports nothing heavy."""

import sys
from typing import Any

from tqdm import tqdm


def progress_bar(total: int, unit: str, name: str, **options: Any) -> tqdm:
  """A bar of `total` units with the time left; in a log file one line each half minute.

  Args:
    total: units from the beginning to the end.
    unit: such as 'step'.
    name: of the task, at the head of the line.
    options: of tqdm, such as `initial`.
  """
  interval = 0.2 if sys.stderr.isatty() else 30
  options = {'mininterval': interval, 'maxinterval': 60} | options
  return tqdm(total=total, unit=unit, desc=name, **options)
