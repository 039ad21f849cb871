"""How a run fails, each way with an exit code, and the one line that says so.

A value in a message may be very long, or hold line breaks or characters that a terminal
obeys. Imports nothing heavy.
"""

import contextlib
import os
import sys
from typing import Any, NoReturn

LONGEST_VALUE = 80
LONGEST_PATH = 400
LONGEST_LINE = 1_500


class UserError(ValueError):
  """A mistake of the user; the text says what is wrong, what is allowed, what to do."""

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
  """The error to report where the system, the memory or the installation failed."""
  if isinstance(error, MemoryError):
    return MachineError(out_of_memory('this machine'))
  if isinstance(error, ImportError):
    return MachineError(
      f'a library cannot be imported: {one_line(error)}; install what '
      'requirements.txt names, and the same command continues'
    )
  return MachineError(
    f'{one_line(error)}; the same command resumes once that is repaired'
  )


def out_of_memory(place: str) -> str:
  """The message for a lack of memory of `place`: 'this machine' or 'the device'."""
  return (
    f'{place} has not enough memory; nothing is lost: free some and give the same '
    'command, or train in another --workdir with a smaller config.batch_size, with '
    'config.gradient_accumulation or on more devices'
  )


def one_line(error: BaseException, limit: int = 300) -> str:
  """The text of an exception without line breaks, cut where it is too long."""
  text = str(error.args[0]) if error.args else type(error).__name__
  if isinstance(error, OSError) and error.strerror:
    text = f'{error.strerror}: {error.filename}' if error.filename else error.strerror
  if isinstance(error, UnicodeError):  # its first argument is the encoding alone
    text = str(error)
  text = ' '.join(text.split())
  return text if len(text) <= limit else f'{text[: limit - 4]} ...'


def shown(value: Any, longest: int = LONGEST_VALUE) -> str:
  """The `repr` of a value, printable and cut at about `longest` characters."""
  try:
    text = repr(value)
  except ValueError:  # an integer of more digits than Python writes
    return 'a number of very many digits'
  except RecursionError:
    return f'a deeply nested {type(value).__name__}'
  return shortened(text, longest)


def shortened(text: str, longest: int = LONGEST_VALUE) -> str:
  """The text, or if it is long its beginning and its length."""
  if len(text) <= longest:
    return text
  return f'{text[: longest - 20]}... ({len(text):,} characters)'


def line(text: str) -> str:
  """The text in one line, every character of it printable."""
  words = ' '.join(text.split())
  escaped = ''.join(c if c.isprintable() else ascii(c)[1:-1] for c in words)
  return shortened(escaped, LONGEST_LINE)


def last_line(output: str) -> str:
  """The last line of a program's output, which usually says why it failed."""
  lines = output.strip().splitlines()
  return lines[-1].strip() if lines else 'no output'


def warn(text: str) -> None:
  """Prints a warning in one line."""
  print(line(f'warning: {text}'), file=sys.stderr)


def tell(text: str) -> None:
  """Writes a line to stderr, whatever `print` does just now; no error if it cannot.

  The line before, of a progress bar, may have no end.
  """
  with contextlib.suppress(OSError):
    os.write(2, f'\n{text}\n'.encode(errors='replace'))


def leave(text: str, code: int) -> NoReturn:
  """Ends a script with one line on stderr and an exit code."""
  print(line(text), file=sys.stderr)
  sys.exit(code)
