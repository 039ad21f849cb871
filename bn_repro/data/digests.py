"""SHA-256 of files, kept by name, size and time of change, so that none is read twice.

They are kept beside the data by the script that prepares them, else in the user's cache
folder. A file that was changed and then given its old size and time is not read again.
Imports nothing heavy.
"""

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bn_repro.run import damage, places
from bn_repro.run.errors import MachineError
from bn_repro.run.files import read_sealed, write_sealed
from bn_repro.run.progress import progress_bar

NAME = 'digests.json'
# Smaller files are read at every start, in less than a tenth of a second.
_SMALL = 10_000_000
# Larger files take so long that a line says so.
_LARGE = 1_000_000_000

Kept = dict[str, list]  # by name of file: size, time of change in ns, digest


def of_files(paths: list[Path], title: str) -> list[str]:
  """The SHA-256 of each file of one directory; `title` names them in messages."""
  if _size(paths) < _SMALL:
    return [digest for _, digest in _digested(paths)]
  directory = paths[0].parent.absolute()
  beside, cache = directory / NAME, _in_cache(directory)
  kept = _valid(beside, paths) | _valid(cache, paths)
  _complete(kept, paths, title, cache)
  return [kept[path.name][2] for path in paths]


def keep_beside(directory: Path, pattern: str, title: str) -> None:
  """Keeps the digests of a directory's files beside them, unless all are small."""
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
  size = _size(missing)
  if size >= _LARGE:
    print(
      f'hashing the {size / 1e9:,.0f} GB of {title} once, to identify the data set; '
      'later starts read the hash from a file',
      file=sys.stderr,
    )
  options = {'unit_scale': True, 'disable': size < _LARGE}
  try:
    with progress_bar(size, 'B', title, **options) as bar:
      for path, digest in _digested(missing):
        kept[path.name] = [*states[path], digest]
        bar.update(states[path][0])
  finally:
    if place:
      with contextlib.suppress(OSError):  # they are made again, then
        place.parent.mkdir(parents=True, exist_ok=True)
        write_sealed(place, kept)


def _digested(paths: list[Path]) -> Iterator[tuple[Path, str]]:
  """Reads several files at a time; after an error no other file is begun."""
  with ThreadPoolExecutor(min(8, 2 * (os.cpu_count() or 1))) as pool:
    try:
      yield from zip(paths, pool.map(_digest, paths))
    finally:
      pool.shutdown(cancel_futures=True)


def _digest(path: Path) -> str:
  try:
    with path.open('rb', buffering=0) as file:
      return hashlib.file_digest(file, 'sha256').hexdigest()
  except OSError as error:  # of reading, which does not say what was read
    raise damage.could_not_be_read(path, error) from error


def _in_cache(directory: Path) -> Path | None:
  cache, name = places.cache(), hashlib.sha256(str(directory).encode()).hexdigest()
  return cache and cache / 'digests' / f'{name[:16]}.json'
