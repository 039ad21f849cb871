"""Warnings of libraries: each kind once, in one line, with the name of the image.

Pillow warns of every image whose EXIF data are broken, from threads and processes,
and does not name it. Imports nothing heavy.
"""

import atexit
import contextlib
import hashlib
import logging
import shutil
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

from bn_repro.run import errors

_current = threading.local()
_said = set()
_shared: Path | None = None


class Notice(UserWarning):
  """A warning of ours; one of each `kind` is printed."""

  def __init__(self, text: str, kind: str):
    super().__init__(text)
    self.kind = kind


def keep_quiet(shared: Path | None = None) -> None:
  """Prints each kind of warning once, or once for all processes that share a folder."""
  global _shared
  _shared = shared
  warnings.showwarning = _on_warning
  logger = logging.getLogger('PIL')
  logger.propagate = False
  logger.handlers[:] = [_OncePerKind(logging.WARNING)]


def shared_folder() -> Path:
  """A folder for the processes of this program; removed when the program ends."""
  global _shared
  if _shared is None:
    _shared = Path(tempfile.mkdtemp(prefix='bn_repro_'))
    atexit.register(remove_shared_folder)
  return _shared


def remove_shared_folder() -> None:
  """Called at the end of the program, also by `watch.leave`, which skips `atexit`."""
  if _shared is not None:
    shutil.rmtree(_shared, ignore_errors=True)


@contextlib.contextmanager
def reading(picture: str) -> Iterator[None]:
  """Within the block warnings of this thread are about that picture."""
  before, _current.picture = getattr(_current, 'picture', None), picture
  try:
    yield
  finally:
    _current.picture = before


class _OncePerKind(logging.Handler):
  def emit(self, record: logging.LogRecord) -> None:
    _say(record.getMessage(), f'{record.pathname}:{record.lineno}')


def _on_warning(message, category, filename, lineno, file=None, line=None) -> None:
  del file, line
  place = f'{category.__name__} {filename}:{lineno}'
  _say(str(message), getattr(message, 'kind', place))


def _say(text: str, kind: str) -> None:
  if not _is_first(kind):
    return
  picture = getattr(_current, 'picture', None)
  if picture:
    text = f'{picture}: {text.rstrip(". ")}; it is read, and others like it unnamed'
  # One call and its own line, as several processes and a progress bar write, too.
  errors.tell(errors.line(f'warning: {text}'))


def _is_first(kind: str) -> bool:
  if kind in _said:
    return False
  _said.add(kind)
  if _shared is not None:
    try:
      (_shared / hashlib.sha256(kind.encode()).hexdigest()).touch(exist_ok=False)
    except FileExistsError:
      return False
    except OSError:  # the folder is gone or full: better to warn twice than never
      pass
  return True
