"""Durations as a config writes them: '50_000 steps', '8/6 epochs', '1e6 examples'.

The three units are interchangeable. Imports no JAX.
"""

import re
from fractions import Fraction
from typing import NamedTuple

from ml_collections import ConfigDict

from bn_repro.errors import UserError

# Steps are counted in 32 bits.
MOST_STEPS = 2**31 - 1
UNITS = ('step', 'epoch', 'example')
# At most two digits of exponent: Fraction writes all its zeros out.
_NUMBER = re.compile(r'[\d_.]{1,30}(e[+-]?\d{1,2})?(/[\d_]{1,30})?', re.ASCII)


def parse(duration: str) -> tuple[Fraction, str]:
  """A positive number and one of `UNITS`, which may stand in the plural.

  Raises:
    ValueError: it is not of that form.
  """
  number, _, unit = duration.strip().partition(' ')
  unit = unit.strip().removesuffix('s')
  if not _NUMBER.fullmatch(number):
    raise ValueError(f'{number[:40]!r} is not a number')
  try:
    amount = Fraction(number)
  except ZeroDivisionError as error:
    raise ValueError(f'{duration!r} divides by zero') from error
  if unit not in UNITS or amount <= 0:
    raise ValueError(f'{duration!r} is not a positive number of steps or epochs')
  return amount, unit


def in_steps(duration: str, batch_size: int, num_examples: int) -> int:
  """The nearest whole number of steps, at least 1.

  Args:
    duration: as `parse` takes it.
    batch_size: examples of a step.
    num_examples: examples of an epoch.
  """
  amount, unit = parse(duration)
  examples = {'step': batch_size, 'epoch': num_examples, 'example': 1}[unit]
  return max(1, round(amount * examples / batch_size))


class Lengths(NamedTuple):
  """The durations of a config, in steps."""

  train_for: int
  log_every: int
  evaluate_every: int
  checkpoint_every: int
  learning_rate_decay_every: int | None = None
  train_at_least: int | None = None


def lengths(config: ConfigDict, num_examples: int) -> Lengths:
  """The durations of a config for that many training examples, in steps.

  A config that has no such field gets None for it.

  Raises:
    UserError: one is more than `MOST_STEPS`.
  """
  durations = {name: config.get(name) for name in Lengths._fields}
  steps = {
    name: duration and in_steps(duration, config.batch_size, num_examples)
    for name, duration in durations.items()
  }
  for name, number in steps.items():
    if number and number > MOST_STEPS:
      raise UserError(
        f'config.{name}={durations[name]!r} is more than {MOST_STEPS:,} steps'
      )
  return Lengths(**steps)
