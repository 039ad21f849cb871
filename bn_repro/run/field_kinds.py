"""What a field of a config may hold: a type and limits, in words and as a test.

Imports no JAX.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from bn_repro.run import durations

WHOLE, NUMBER, BOOL, TEXT = 'a whole number', 'a number', 'true or false', 'text'
WHOLES, NUMBERS = 'whole numbers, such as (100, 100)', 'numbers, such as (0.9, 0.95)'
TEXTS = "texts, such as ('5a', '5b')"

_NAME = re.compile(r'\w[\w.-]{0,99}', re.ASCII)
_MOST_LAYERS, _LARGEST_LAYER = 100, 2**17


class Field(NamedTuple):
  """What a field may hold, in words and as a test of a value of its kind.

  Fields of one `group` stand in a config together or not at all.
  """

  kind: str
  allowed: str = ''
  holds: Callable[[Any], bool] = lambda value: True
  group: str = ''
  default: Any = None

  @property
  def is_optional(self) -> bool:
    """Whether a config may lack it."""
    return bool(self.group) or self.default is not None


def whole(least: int, most: int) -> Field:
  """Whole numbers from `least` to `most`."""
  return number(least, most)._replace(kind=WHOLE)


def number(least: float, most: float) -> Field:
  """Numbers from `least` to `most`."""
  limits = (f'{v:,}' if isinstance(v, int) else f'{v:g}' for v in (least, most))
  return Field(NUMBER, f'from {" to ".join(limits)}', lambda v: least <= v <= most)


def above_0(most: float) -> Field:
  """Numbers above 0 and up to `most`."""
  return Field(NUMBER, f'above 0 and at most {most}', lambda v: 0 < v <= most)


def one_of(*values: str | int) -> Field:
  """One of some texts or whole numbers."""
  kind = TEXT if isinstance(values[0], str) else WHOLE
  return Field(kind, f'one of {", ".join(map(str, values))}', values.__contains__)


def some_of(*names: str) -> Field:
  """A tuple of some of these texts."""
  return Field(TEXTS, f'some of {", ".join(names)}', set(names).issuperset)


def _is_name(value: str) -> bool:
  return _NAME.fullmatch(value) is not None


def _is_name_of_data(value: str) -> bool:
  """With a configuration or without; never a path, which could lead anywhere."""
  return value.count('/') <= 1 and all(map(_is_name, value.split('/')))


def _are_layers(sizes: list[int]) -> bool:
  return 1 <= len(sizes) <= _MOST_LAYERS and all(
    1 <= size <= _LARGEST_LAYER for size in sizes
  )


def _is_duration(value: str) -> bool:
  try:
    durations.parse(value)
  except ValueError:
    return False
  return True


# Kinds without arguments, by the names that fields.toml uses.
KINDS = {
  'switch': Field(BOOL),
  'text': Field(TEXT),
  'whole': Field(WHOLE),
  'share': Field(NUMBER, 'from 0 to below 1', lambda v: 0 <= v < 1),
  'positive': number(1e-30, 1e30),  # single precision neither vanishes nor overflows
  'seconds': Field(NUMBER, 'from 1 to 86400 seconds', lambda v: 1 <= v <= 86400),
  'name': Field(
    TEXT, 'a name of at most 100 letters, digits, "_", "." and "-"', _is_name
  ),
  'data set': Field(
    TEXT, 'the name of a data set, such as cifar10 or imagenette/full-size-v2',
    _is_name_of_data,
  ),
  'duration': Field(
    TEXT, 'a duration such as "100 steps", "8/6 epochs" or "1e6 examples"', _is_duration
  ),
  'group size': Field(
    WHOLE, '0 (the whole mini-batch) or at least 2', lambda v: v == 0 or 2 <= v <= 2**20
  ),
  'layer sizes': Field(
    WHOLES, f'1 to {_MOST_LAYERS} positive sizes of at most {_LARGEST_LAYER}',
    _are_layers,
  ),
  'accuracies': Field(
    NUMBERS, 'accuracies between 0 and 1', lambda v: all(0 < share <= 1 for share in v)
  ),
}  # fmt: skip


def is_of_kind(kind: str, value: Any) -> bool:
  """Whether a value is of a kind; a whole number is a number, too."""
  if one := {WHOLES: WHOLE, NUMBERS: NUMBER, TEXTS: TEXT}.get(kind):
    return isinstance(value, list) and all(is_of_kind(one, part) for part in value)
  types = {WHOLE: int, NUMBER: (int, float), BOOL: bool, TEXT: str}[kind]
  return isinstance(value, types) and (kind == BOOL or not isinstance(value, bool))
