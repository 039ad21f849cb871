"""The lock of a workdir: one run at a time.

The kernel (`flock`) releases it when the process that holds it ends, however it ends:
the file of a dead process blocks nobody. If a run leaves nothing in its workdir, the
lock and the directories that were made for it are removed.
"""

import contextlib
import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from bn_repro.run import damage
from bn_repro.run.errors import UserError

NAME = 'lock'


@contextlib.contextmanager
def held(workdir: Path) -> Iterator[None]:
  """Makes the workdir if it is missing, and locks it until the end of the block."""
  made = [path for path in (workdir, *workdir.parents) if damage.is_missing(path)]
  with _locked_file(workdir) as file:
    file.truncate(0)
    file.write(f'process {os.getpid()} on {socket.gethostname()}')
    file.flush()
    try:
      yield
    finally:
      with contextlib.suppress(OSError):
        _leave(workdir, made)


def _leave(workdir: Path, made: list[Path]) -> None:
  """Removes the lock, and the directories made for it, if the workdir is empty."""
  if os.listdir(workdir) == [NAME]:
    (workdir / NAME).unlink()
    for path in made:
      path.rmdir()


def _locked_file(workdir: Path) -> TextIO:
  """The locked file; begins again if another process has removed the file meanwhile."""
  while True:
    file = _lock_file(workdir)
    try:
      _take(file, workdir)
      if os.path.samestat(os.fstat(file.fileno()), (workdir / NAME).stat()):
        return file
    except FileNotFoundError:
      pass
    except BaseException:
      file.close()
      raise
    file.close()


def _lock_file(workdir: Path) -> TextIO:
  try:
    workdir.mkdir(parents=True, exist_ok=True)
    return (workdir / NAME).open('a+')
  except OSError as error:
    problem = damage.of_its_name(error)
    raise UserError(
      f'cannot use workdir {str(workdir)!r}: {problem}; '
      'give a directory that can be written with --workdir'
    ) from error


def _take(file: TextIO, workdir: Path) -> None:
  try:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError:
    file.seek(0)
    raise UserError(
      f'{workdir} is in use by {file.read() or "another process"}; wait for it, or '
      'use another --workdir'
    ) from None
  except OSError as error:  # a network file system may have none
    print(
      f'warning: {workdir} cannot be locked ({error.strerror}); start only one run '
      'in it at a time',
      file=sys.stderr,
    )
