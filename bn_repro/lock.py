"""The workdir of a run: one run at a time.

The lock is the kernel's (`flock`), which lets go of it when the process that holds
it ends, however it ends: a file that a dead process left behind blocks nobody.
"""

import contextlib
import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from bn_repro import damage
from bn_repro.errors import UserError

NAME = 'lock'


@contextlib.contextmanager
def held(workdir: Path) -> Iterator[None]:
  """Makes the workdir if it is missing, and holds it until the end of the block.

  Raises:
    UserError: another process holds it, or it cannot be written.
    MachineError: the system fails to say so, or to make it.
  """
  with _lock_file(workdir) as file:
    _take(file, workdir)
    file.truncate(0)
    file.write(f'process {os.getpid()} on {socket.gethostname()}')
    file.flush()
    yield


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
