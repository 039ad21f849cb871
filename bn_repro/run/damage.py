"""Whether what could not be read is damaged, or the machine failed to read it.

Damaged is a file that is missing, cut, or not of its form; the rest is of the machine:
a disk's error, a stale handle, a permission, too many open files, no memory, a library
or a device that is not there. Only damage may cost a file its place. Libraries tell the
two apart badly, so both the exception and the files are looked at. Imports nothing
heavy.
"""

import errno
import os
import re
from pathlib import Path

from bn_repro.run.errors import MachineError, one_line

_MISSING = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR)
# What the system says of a path that somebody could have given better.
_OF_NAMES = (
  *_MISSING, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL,
  errno.EACCES, errno.EPERM, errno.EROFS,
)  # fmt: skip
# How TensorStore and Riegeli hand on what the system said: by number and by text.
_NUMBER = re.compile(r"os_error_code='(\d+)'")
_TEXT = re.compile(r'\w+\(\) failed: ([^;\[]+)')
_CODES = {os.strerror(code): code for code in errno.errorcode}
# What a parser raises for bytes that are not of its form.
_OF_FORM = (
  ValueError, KeyError, TypeError, AttributeError, IndexError, EOFError, OSError,
)  # fmt: skip


def system_error(error: BaseException | None) -> int | None:
  """The `errno` behind an exception of any library, but for files that are missing."""
  while error is not None:
    code = _code(error)
    if code and code not in _MISSING:
      return code
    error = error.__cause__ or error.__context__
  return None


def _code(error: BaseException) -> int | None:
  if isinstance(error, OSError) and error.errno:
    return error.errno
  if number := _NUMBER.search(str(error)):
    return int(number[1])
  text = _TEXT.search(str(error))
  return _CODES.get(text[1].strip()) if text else None


def reason(error: BaseException, limit: int = 100) -> str:
  """What went wrong in a few words: what the system said, if it said anything."""
  code = system_error(error)
  return os.strerror(code) if code else one_line(error, limit)


def other_cause(
  error: Exception, folder: Path, needed: tuple[str, ...], is_of_form: bool = False
) -> Exception | None:
  """Why the files of a folder could not be read, unless they are at fault themselves.

  Args:
    error: that reading them has raised.
    folder: of the files.
    needed: names of files that must be there.
    is_of_form: whether a library says so that they are not of their form.

  Returns:
    What the machine did; None for damage.
  """
  if system_error(error) or isinstance(error, MemoryError | ImportError):
    return error
  try:
    _look(folder, needed)
  except (FileNotFoundError, NotADirectoryError):
    return None
  except OSError as seen:  # which the library took for a missing file
    return seen
  if isinstance(error, FileNotFoundError) and not error.errno:
    return error  # a library says so, and all are there
  is_wrong = is_of_form or _code(error) in _MISSING or isinstance(error, _OF_FORM)
  return None if is_wrong else error


def _look(folder: Path, needed: tuple[str, ...]) -> None:
  """Raises what the system says of the files below a folder, if it says anything."""
  for name in needed:
    (folder / name).stat()
  for place, _, names in os.walk(folder, onerror=_raise):
    for name in names:
      path = Path(place, name)
      path.stat()
      with path.open('rb') as file:
        file.read(1)


def _raise(error: OSError) -> None:
  raise error


def could_not_be_read(what: str | Path, error: BaseException) -> MachineError:
  """The machine failed, and nothing is known of the files."""
  return MachineError(
    f'{what} could not be read: {reason(error)}; nothing is changed, and the same '
    'command goes on once that is mended'
  )


def of_its_name(error: OSError | ValueError) -> str:
  """Why a path makes no sense, if it does not; else raises the error."""
  if not isinstance(error, OSError):
    return 'its name is no text'
  if error.errno not in _OF_NAMES:
    raise could_not_be_read(error.filename or 'a directory', error) from error
  return error.strerror


def is_missing(path: Path) -> bool:
  """Whether nothing is there: what cannot be looked at is not missing.

  Raises:
    OSError: the system does not say. (`Path.exists` calls that missing.)
  """
  try:
    path.lstat()
  except (FileNotFoundError, NotADirectoryError):
    return True
  return False


def entries(folder: Path) -> list[Path]:
  """What lies in a folder, by name; nothing if it is missing.

  Raises:
    OSError: the system does not say. (`Path.glob` calls that empty.)
  """
  try:
    return sorted(folder.iterdir())
  except FileNotFoundError:
    return []
