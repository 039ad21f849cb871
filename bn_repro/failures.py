"""What the machine can do to a run, told in one line.

Memory, disk and partners fail in many libraries, each with an exception of its own.
Does not know where they were raised; nothing is mended here.
"""

import contextlib
from collections.abc import Iterator

import jax

from bn_repro import processes
from bn_repro.errors import MachineError, one_line

_RESUMES = 'the same command resumes once that is mended'


@contextlib.contextmanager
def in_one_line(partner_timeout: float) -> Iterator[None]:
  """Turns failures of the machine within the block into MachineError.

  Args:
    partner_timeout: seconds in which the loss of another process is known, which
      shows first as an error of some collective.

  Raises:
    MachineError: the disk, the memory or a device failed.
  """
  try:
    yield
  except OSError as error:
    raise MachineError(f'{one_line(error)}; {_RESUMES}') from error
  except MemoryError as error:
    raise MachineError(_out_of_memory('this machine')) from error
  except jax.errors.JaxRuntimeError as error:
    if 'RESOURCE_EXHAUSTED' not in str(error):
      processes.await_verdict(partner_timeout)
      raise
    raise MachineError(_out_of_memory('the device')) from error


def _out_of_memory(place: str) -> str:
  return (
    f'{place} has not enough memory; nothing is lost: free some and give the same '
    'command, or train in another --workdir with a smaller config.batch_size, with '
    'config.gradient_accumulation or on more devices'
  )
