"""What a field of a config may hold: a type and limits, in words and as a test.

Imports no JAX.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from bn_repro.run import durations

WHOLE, NUMBER, BOOL, TEXT = 'a whole number', 'a number', 'true or false', 'text'
WHOLES, NUMBERS = 'whole numbers, such as (100, 100)', 'numbers, such as (0.9, 0.95)'
TEXTS = "texts, such as ('5a', '5b')"

# Where single precision neither vanishes nor overflows.
SMALLEST, LARGEST = 1e-30, 1e30


class Field(NamedTuple):
  """What a field may hold.

  Attributes:
    kind: its type, in words, such as `WHOLE`.
    allowed: its limits, in words.
    holds: whether a value of that kind is within the limits.
    is_optional: whether a config may lack it.
    group: of optional fields that a config has together or not at all.
    default: of a config that lacks the field; None for no default.
  """

  kind: str
  allowed: str = ''
  holds: Callable[[Any], bool] = lambda value: True
  is_optional: bool = False
  group: str = ''
  default: Any = None

  def optional(self, default: Any = None, group: str = '') -> 'Field':
    """The same for a field that a config may lack."""
    return self._replace(is_optional=True, default=default, group=group)


def number(least: float, most: float, kind: str = NUMBER) -> Field:
  """Numbers from `least` to `most`."""
  limits = (f'{v:,}' if isinstance(v, int) else f'{v:g}' for v in (least, most))
  return Field(kind, f'from {" to ".join(limits)}', lambda v: least <= v <= most)


def count(most: int, least: int = 1) -> Field:
  """Whole numbers from `least` to `most`."""
  return number(least, most, WHOLE)


def positive() -> Field:
  """Numbers above 0 that single precision holds."""
  return number(SMALLEST, LARGEST)


def share() -> Field:
  """Numbers from 0 to below 1."""
  return Field(NUMBER, 'from 0 to below 1', lambda v: 0 <= v < 1)


def choice(*values: str | int) -> Field:
  """One of some texts or whole numbers."""
  kind = TEXT if isinstance(values[0], str) else WHOLE
  return Field(kind, f'one of {", ".join(map(str, values))}', values.__contains__)


def some_of(*names: str) -> Field:
  """A tuple of some of these texts."""
  return Field(TEXTS, f'some of {", ".join(names)}', set(names).issuperset)


def duration() -> Field:
  """Steps, epochs or examples, as `durations` reads them."""
  words = 'a duration such as "100 steps", "8/6 epochs" or "1e6 examples"'
  return Field(TEXT, words, _is_duration)


def _is_duration(value: str) -> bool:
  try:
    durations.parse(value)
  except ValueError:
    return False
  return True


def is_of_kind(kind: str, value: Any) -> bool:
  """Whether a value is of a kind; a whole number is a number, too."""
  one = {WHOLES: WHOLE, NUMBERS: NUMBER, TEXTS: TEXT}.get(kind)
  if one:
    return isinstance(value, list) and all(
      is_of_kind(one, element) for element in value
    )
  types = {WHOLE: int, NUMBER: (int, float), BOOL: bool, TEXT: str}[kind]
  return isinstance(value, types) and (kind == BOOL or not isinstance(value, bool))
