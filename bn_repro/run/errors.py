"""How a run fails, each way with an exit code, and the one line that says so.

A value in a message may come from anywhere: it may be very long, or hold line breaks
or characters that a terminal obeys. Imports nothing heavy.
"""

from typing import Any

LONGEST_VALUE = 80
LONGEST_PATH = 400
LONGEST_LINE = 1_500


class UserError(ValueError):
  """A mistake in what was asked for: what is wrong, what is allowed, what to do."""

  exit_code = 2


class MachineError(RuntimeError):
  """The disk, the memory or another process failed; the same command resumes."""

  exit_code = 71  # EX_OSERR of sysexits.h


class Preempted(Exception):
  """A signal asked the run to stop; the same command resumes."""

  exit_code = 75  # EX_TEMPFAIL of sysexits.h: try again


class RunsFailed(Exception):
  """Some runs of a sweep failed: name and reason of each."""

  exit_code = 1

  def __init__(self, failures: dict[str, str]):
    lines = (f'failed: {name}: {reason}' for name, reason in failures.items())
    super().__init__('\n'.join(lines))


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


def shown(value: Any, longest: int = LONGEST_VALUE) -> str:
  """Its `repr`, printable and not much longer than that."""
  try:
    text = repr(value)
  except ValueError:  # an integer of more digits than Python writes
    return 'a number of very many digits'
  except RecursionError:
    return f'a deeply nested {type(value).__name__}'
  return shortened(text, longest)


def shortened(text: str, longest: int = LONGEST_VALUE) -> str:
  """The beginning of a long text and its length, the rest left out."""
  if len(text) <= longest:
    return text
  return f'{text[: longest - 20]}... ({len(text):,} characters)'


def line(text: str) -> str:
  """The text in one line, every character of it printable."""
  words = ' '.join(text.split())
  escaped = ''.join(c if c.isprintable() else ascii(c)[1:-1] for c in words)
  return shortened(escaped, LONGEST_LINE)
