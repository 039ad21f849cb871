"""SHA-256 of files, kept by name, size and time of change, so that none is read twice.

They are kept beside the data by the script that prepares them, else in the user's cache
folder. A file that was changed and then given its old size and time is not read again.
Imports the standard library alone, and tqdm where reading takes long.
"""

import contextlib
import hashlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bn_repro.run import damage, places
from bn_repro.run.errors import MachineError
from bn_repro.run.files import read_sealed, write_sealed

NAME = 'digests.json'
# Smaller files are read at every start, in less than a tenth of a second.
_SMALL = 10_000_000
# Larger files take so long that a line says so.
_LARGE = 1_000_000_000
_CHUNK = 1 << 20

Kept = dict[str, list]  # by name of file: size, time of change in ns, digest


def of_files(paths: list[Path], title: str) -> list[str]:
  """The SHA-256 of each file of one directory, as hexadecimal digits.

  Args:
    paths: of the files.
    title: what the line that announces a long reading calls them.

  Raises:
    MachineError: a file cannot be read.
  """
  if _size(paths) < _SMALL:
    return list(_digested(paths, lambda size: None).values())
  directory = paths[0].parent.absolute()
  beside, cache = directory / NAME, _in_cache(directory)
  kept = _valid(beside, paths) | _valid(cache, paths)
  _complete(kept, paths, title, cache)
  return [kept[path.name][2] for path in paths]


def keep_beside(directory: Path, pattern: str, title: str) -> None:
  """Keeps the digests of a directory's files beside them, unless all are small.

  Raises:
    MachineError: a file cannot be read.
  """
  paths, beside = sorted(directory.glob(pattern)), directory / NAME
  if _size(paths) >= _SMALL:
    _complete(_valid(beside, paths), paths, title, beside)


def _size(paths: list[Path]) -> int:
  return sum(path.stat().st_size for path in paths)


def _state(path: Path) -> list[int]:
  status = path.stat()
  return [status.st_size, status.st_mtime_ns]


def _valid(place: Path | None, paths: list[Path]) -> Kept:
  """The digests kept at a place, of those files that have not changed since."""
  if place is None:
    return {}
  try:
    kept = read_sealed(place)
  except (OSError, MachineError, ValueError):  # they are made again, then
    return {}
  states = {path.name: _state(path) for path in paths}
  return {name: entry for name, entry in kept.items() if entry[:2] == states.get(name)}


def _complete(kept: Kept, paths: list[Path], title: str, place: Path | None) -> None:
  """Adds missing digests and keeps them at a place, after an error, too."""
  missing = [path for path in paths if path.name not in kept]
  if not missing:
    return
  states = {path: _state(path) for path in missing}  # they may change meanwhile
  done: dict[Path, str] = {}
  try:
    with _progress(_size(missing), title) as advance:
      _digested(missing, advance, done)
  finally:
    kept |= {path.name: [*states[path], digest] for path, digest in done.items()}
    if place:
      with contextlib.suppress(OSError):  # they are made again, then
        place.parent.mkdir(parents=True, exist_ok=True)
        write_sealed(place, kept)


@contextlib.contextmanager
def _progress(size: int, title: str):
  if size < _LARGE:
    yield lambda number: None
    return
  from tqdm import tqdm

  print(
    f'reading the {size / 1e9:,.0f} GB of {title} once, so as to know them again by '
    'their contents; later starts take this from a file',
    file=sys.stderr,
  )
  mininterval = 0.2 if sys.stderr.isatty() else 30
  with tqdm(total=size, unit='B', unit_scale=True, mininterval=mininterval) as bar:
    yield bar.update


def _digested(
  paths: list[Path], advance: Callable[[int], None], done: dict[Path, str] | None = None
) -> dict[Path, str]:
  """Reads files, several at a time; each digest goes to `done` at once."""
  done, lock, stopped = {} if done is None else done, threading.Lock(), []

  def digest(path: Path) -> None:
    state = hashlib.sha256()
    try:
      with path.open('rb', buffering=0) as file:
        while not stopped and (chunk := file.read(_CHUNK)):
          state.update(chunk)
          with lock:
            advance(len(chunk))
    except OSError as error:  # of reading, which does not say what was read
      raise damage.could_not_be_read(path, error) from error
    if not stopped:
      done[path] = state.hexdigest()

  with ThreadPoolExecutor(min(8, 2 * (os.cpu_count() or 1))) as pool:
    try:
      list(pool.map(digest, paths))
    finally:
      stopped.append(True)
  return {path: done[path] for path in paths}


def _in_cache(directory: Path) -> Path | None:
  cache, name = places.cache(), hashlib.sha256(str(directory).encode()).hexdigest()
  return cache and cache / 'digests' / f'{name[:16]}.json'
