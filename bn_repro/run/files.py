"""JSON in files that are whole: an object is written at once, and read if it is one.

`seal`ed ones carry a digest of themselves, so that none that was damaged is believed.
Imports nothing heavy.
"""

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

from bn_repro.run import damage

# Larger than any of ours: that of a data set of a million classes.
_LARGEST = 100_000_000
_SEAL = 'sha256'


def read_json(path: Path) -> dict[str, Any]:
  """The object in a file that `write_json` wrote.

  Raises:
    FileNotFoundError: it is missing.
    MachineError: it cannot be read, which says nothing of what it holds.
    ValueError, RecursionError: it holds something else.
  """
  content = json.loads(_read(path))
  if not isinstance(content, dict):
    raise ValueError('not an object')
  return content


def _read(path: Path) -> bytes:
  try:
    # A pipe would be waited for, and a huge file or a device read to its end.
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
      raise ValueError('not a file of that kind')
    return path.read_bytes()
  except (FileNotFoundError, NotADirectoryError) as error:
    raise FileNotFoundError(error.errno, error.strerror, str(path)) from error
  except OSError as error:
    raise damage.could_not_be_read(path, error) from error


def write_json(path: Path, value: Any) -> None:
  """Writes JSON so that a reader sees the old file or the new one, whole."""
  partial = path.with_name(path.name + '.partial')
  with partial.open('w') as file:
    file.write(json.dumps(value, indent=2) + '\n')
    file.flush()
    os.fsync(file.fileno())  # or a power cut could leave an empty file of that name
  partial.replace(path)


def write_sealed(path: Path, content: dict[str, Any]) -> None:
  """As `write_json`, with a digest of the content."""
  write_json(path, content | {_SEAL: _digest(content)})


def read_sealed(path: Path) -> dict[str, Any]:
  """What `write_sealed` wrote.

  Raises:
    FileNotFoundError, MachineError: as `read_json`.
    ValueError: it is not as it was written.
  """
  try:
    content = read_json(path)
  except RecursionError as error:
    raise ValueError('it holds no JSON of ours') from error
  if content.pop(_SEAL, None) != _digest(content):
    raise ValueError('its digest does not fit')
  return content


def _digest(content: dict[str, Any]) -> str:
  text = json.dumps(content, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()
