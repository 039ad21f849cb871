"""Whether a file that could not be read is damaged, or the machine failed to read it.

A damaged file is missing, cut short, or not in its format; only such a file may be
moved away. All else is the machine's failure: of the disk, a permission, open files,
memory, a library. Libraries confuse the two, so both the exception and the files are
examined. Imports nothing heavy.
"""

import errno
import os
import re
from pathlib import Path

from bn_repro.run.errors import MachineError, one_line

_MISSING = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR)
# Errors of the system that another path would avoid.
_OF_NAMES = (
  *_MISSING, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL,
  errno.EACCES, errno.EPERM, errno.EROFS,
)  # fmt: skip
# How TensorStore and Riegeli report an error of the system: by number and by text.
_NUMBER = re.compile(r"os_error_code='(\d+)'")
_TEXT = re.compile(r'\w+\(\) failed: ([^;\[]+)')
_CODES = {os.strerror(code): code for code in errno.errorcode}
# Raised by parsers for bytes that are not of their format.
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
  """The error in a few words: the system's, if the system caused it."""
  code = system_error(error)
  return os.strerror(code) if code else one_line(error, limit)


def other_cause(
  error: Exception, folder: Path, needed: tuple[str, ...], is_of_form: bool = False
) -> Exception | None:
  """The machine's error that kept a folder's files from being read; None for damage.

  Args:
    error: raised by reading them.
    needed: names of files that must exist.
    is_of_form: whether `error` is how a library reports a wrong format.
  """
  if system_error(error) or isinstance(error, MemoryError | ImportError):
    return error
  try:
    _look(folder, needed)
  except (FileNotFoundError, NotADirectoryError):
    return None
  except OSError as cause:  # which the library took for a missing file
    return cause
  if isinstance(error, FileNotFoundError) and not error.errno:
    return error  # a library reports a missing file, and all exist
  is_wrong = is_of_form or _code(error) in _MISSING or isinstance(error, _OF_FORM)
  return None if is_wrong else error


def _look(folder: Path, needed: tuple[str, ...]) -> None:
  """Reads a byte of each file below a folder; raises the system's error."""
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
  """The error to report if the machine failed, so that the files may be good."""
  return MachineError(
    f'{what} could not be read: {reason(error)}; nothing is changed, and the same '
    'command continues once that is repaired'
  )


def of_its_name(error: OSError | ValueError) -> str:
  """Why a path cannot be used; raises MachineError if the path is not at fault."""
  if not isinstance(error, OSError):
    return 'its name is no text'
  if error.errno not in _OF_NAMES:
    raise could_not_be_read(error.filename or 'a directory', error) from error
  return error.strerror


def is_missing(path: Path) -> bool:
  """Whether nothing lies at a path; raises OSError where the system does not say."""
  try:
    path.lstat()
  except (FileNotFoundError, NotADirectoryError):
    return True
  return False


def entries(folder: Path) -> list[Path]:
  """The contents of a folder, sorted; none if it is missing; raises as `is_missing`.

  A link to a disk that is away is not missing: what lies there would be taken for lost.
  """
  try:
    return sorted(folder.iterdir())
  except FileNotFoundError:
    if not is_missing(folder):
      raise
    return []
