"""The lock of a workdir: one run at a time.

The kernel (`flock`) releases it when the process that holds it ends, however it ends:
the file of a dead process blocks nobody.
"""

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from bn_repro.run import damage, places
from bn_repro.run.errors import UserError, warn

NAME = 'lock'


@contextlib.contextmanager
def held(workdir: Path) -> Iterator[None]:
  """Makes and locks a workdir for a block; if it stays empty, removes what it made."""
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
  if os.listdir(workdir) == [NAME]:
    (workdir / NAME).unlink()
    for path in made:
      path.rmdir()


def _locked_file(workdir: Path) -> TextIO:
  while True:
    with contextlib.ExitStack() as closing:
      file = closing.enter_context(_opened(workdir))
      if not taken(file, workdir):
        file.seek(0)
        raise UserError(
          f'{workdir} is in use by {file.read() or "another process"}; wait for it, or '
          'use another --workdir'
        )
      with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(file.fileno()), (workdir / NAME).stat()):
          closing.pop_all()
          return file


def _opened(workdir: Path) -> TextIO:
  try:
    workdir.mkdir(parents=True, exist_ok=True)
    return (workdir / NAME).open('a+')
  except OSError as error:
    raise places.no_workdir(workdir, damage.of_its_name(error)) from error


def taken(file: TextIO | int, folder: Path) -> bool:
  """Whether this process now has the lock of an open file, or folder, until it closes.

  Where the file system has no locks a line on stderr says so, and all goes on.
  """
  try:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError:
    return False
  except OSError as error:  # a network file system may have none
    warn(
      f'{folder} cannot be locked ({error.strerror}); start only one run in it at a '
      'time'
    )
  return True
