"""Files that are whole: written beside their place and then moved there; JSON in them.

A sealed file carries a digest of itself. Imports nothing heavy.
"""

import contextlib
import hashlib
import json
import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from bn_repro.run import damage

# Bytes; our largest file, of a data set of a million classes, is smaller.
_LARGEST = 100_000_000
_SEAL = 'sha256'


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
  """A file that replaces `path`, whole, at the end of the block."""
  partial = path.with_name(path.name + '.partial')
  with partial.open('wb') as file:
    yield file
    file.flush()
    os.fsync(file.fileno())  # or a power cut could leave an empty file of that name
  partial.replace(path)


def read_json(path: Path) -> dict[str, Any]:
  """The object in a file that `write_json` wrote.

  Raises FileNotFoundError if it is missing, MachineError if it cannot be read, and
  ValueError or RecursionError if it holds no such object.
  """
  try:
    # Reading a pipe would block, and a device or a huge file would never end.
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
      raise ValueError('not a file of that kind')
    content = json.loads(path.read_bytes())
  except (FileNotFoundError, NotADirectoryError) as error:
    raise FileNotFoundError(error.errno, error.strerror, str(path)) from error
  except OSError as error:
    raise damage.could_not_be_read(path, error) from error
  if not isinstance(content, dict):
    raise ValueError('not an object')
  return content


def write_json(path: Path, value: Any) -> None:
  """Writes JSON, `strict`, whole or not at all."""
  with replaced(path) as file:
    file.write((json.dumps(strict(value), indent=2) + '\n').encode())


def write_sealed(path: Path, content: dict[str, Any]) -> None:
  """As `write_json`, with a digest of the content."""
  content = strict(content)
  write_json(path, content | {_SEAL: digest(content)})


def strict(value: Any) -> Any:
  """Without NaN and infinity, which JSON does not have; they become null."""
  if isinstance(value, dict):
    return {name: strict(part) for name, part in value.items()}
  if isinstance(value, list | tuple):
    return [strict(part) for part in value]
  if isinstance(value, float) and not math.isfinite(value):
    return None
  return value


def read_sealed(path: Path) -> dict[str, Any]:
  """The content that `write_sealed` wrote; raises as `read_json`."""
  try:
    content = read_json(path)
  except RecursionError as error:
    raise ValueError('it holds no JSON of ours') from error
  if content.pop(_SEAL, None) != digest(content):
    raise ValueError('its digest does not fit')
  return content


def digest(content: Any) -> str:
  """The SHA-256 of anything that JSON can hold."""
  text = json.dumps(content, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()
