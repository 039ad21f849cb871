"""The ways in which a run ends before its time, each with an exit code of its own.

Knows nothing of where they are raised or shown: `main.py` prints their text as one
line and leaves with their code.
"""


class UserError(ValueError):
  """A mistake in what was asked for: what is wrong, what is allowed, what to do."""

  exit_code = 2


class MachineError(RuntimeError):
  """The disk, the memory or another process failed; the same command resumes."""

  exit_code = 71  # EX_OSERR of sysexits.h


class Preempted(Exception):
  """A signal asked the run to stop; the same command resumes."""

  exit_code = 75  # EX_TEMPFAIL of sysexits.h: try again


def of_machine(error: OSError | MemoryError | ImportError) -> MachineError:
  """What the system, the memory or the installation did to a program, as one line."""
  if isinstance(error, MemoryError):
    return MachineError(out_of_memory('this machine'))
  if isinstance(error, ImportError):
    return MachineError(
      f'a library cannot be imported: {one_line(error)}; install what '
      'requirements.txt names, and the same command goes on'
    )
  return MachineError(
    f'{one_line(error)}; the same command resumes once that is mended'
  )


def out_of_memory(place: str) -> str:
  """What is said where memory ended, of 'this machine' or of 'the device'."""
  return (
    f'{place} has not enough memory; nothing is lost: free some and give the same '
    'command, or train in another --workdir with a smaller config.batch_size, with '
    'config.gradient_accumulation or on more devices'
  )


def one_line(error: BaseException, limit: int = 300) -> str:
  """The text of an exception without line breaks, cut where it is too long."""
  said = error.args[0] if error.args else type(error).__name__
  if isinstance(error, OSError) and error.strerror:
    said = f'{error.strerror}: {error.filename}' if error.filename else error.strerror
  text = ' '.join(str(said).split())
  return text if len(text) <= limit else f'{text[: limit - 4]} ...'
