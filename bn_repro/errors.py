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


def one_line(error: BaseException, limit: int = 300) -> str:
  """The text of an exception without line breaks, cut where it is too long."""
  said = error.args[0] if error.args else type(error).__name__
  if isinstance(error, OSError) and error.strerror:
    said = f'{error.strerror}: {error.filename}' if error.filename else error.strerror
  text = ' '.join(str(said).split())
  return text if len(text) <= limit else f'{text[: limit - 4]} ...'
