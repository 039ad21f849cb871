"""Values and texts as the one line of a message shows them.

A value may come from anywhere: it may be very long, hold line breaks, or characters
that a terminal obeys. Knows no message itself.
"""

from typing import Any

LONGEST_VALUE = 80
LONGEST_PATH = 400
LONGEST_LINE = 1_500


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
