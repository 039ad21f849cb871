"""What the machine can do to a run, told in one line.

Memory, disk and partners fail in many libraries, each with an exception of its own.
Does not know where they were raised; nothing is mended here.
"""

import contextlib
from collections.abc import Iterator

import jax

from bn_repro.run import processes
from bn_repro.run.errors import MachineError, of_machine, out_of_memory


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
  except (OSError, MemoryError, ImportError) as error:
    raise of_machine(error) from error
  except jax.errors.JaxRuntimeError as error:
    if 'RESOURCE_EXHAUSTED' not in str(error):
      processes.await_verdict(partner_timeout)
      raise
    raise MachineError(out_of_memory('the device')) from error
