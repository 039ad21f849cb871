"""Durations: '50_000 steps', '8/6 epochs' or '1e6 examples'. Imports no JAX."""

import re
from fractions import Fraction
from typing import NamedTuple

from ml_collections import ConfigDict

from bn_repro.run.errors import UserError

# Steps are counted in 32 bits.
MOST_STEPS = 2**31 - 1
UNITS = ('step', 'epoch', 'example')
# At most two digits of exponent: Fraction computes with all of its zeros.
_NUMBER = re.compile(r'[\d_.]{1,30}(e[+-]?\d{1,2})?(/[\d_]{1,30})?', re.ASCII)


def parse(duration: str) -> tuple[Fraction, str]:
  """A positive number and one of `UNITS`; raises ValueError for any other text."""
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
  """The nearest whole number of steps, at least 1; an epoch has `num_examples`."""
  amount, unit = parse(duration)
  examples = {'step': batch_size, 'epoch': num_examples, 'example': 1}[unit]
  return max(1, round(amount * examples / batch_size))


# Evenly spaced in the last tenth of a run whose other evaluations are log-spaced.
LAST_EVALUATIONS = 5


class Lengths(NamedTuple):
  """The durations of a config, in steps; `evaluation_steps` only if log-spaced."""

  train_for: int
  log_every: int
  evaluate_every: int
  checkpoint_every: int
  learning_rate_decay_every: int | None = None
  train_at_least: int | None = None
  evaluation_steps: tuple[int, ...] | None = None

  def is_evaluated(self, step: int) -> bool:
    """Whether the network is evaluated after a step."""
    if self.evaluation_steps is not None:
      return step in self.evaluation_steps
    return step % self.evaluate_every == 0 or step == self.train_for

  def next_evaluation(self, step: int) -> int:
    """The first step after this one at which the network is evaluated."""
    if self.evaluation_steps is not None:
      return next(s for s in (*self.evaluation_steps, self.train_for) if s > step)
    return min((step // self.evaluate_every + 1) * self.evaluate_every, self.train_for)

  @property
  def last_evaluations(self) -> tuple[int, ...]:
    """The evaluations of the last tenth, where the others are log-spaced."""
    return (self.evaluation_steps or ())[-LAST_EVALUATIONS:]


def lengths(config: ConfigDict, num_examples: int) -> Lengths:
  """The durations of a config for that many training examples, in steps."""
  durations = {name: config.get(name) for name in Lengths._fields[:-1]}
  steps = {
    name: duration and in_steps(duration, config.batch_size, num_examples)
    for name, duration in durations.items()
  }
  for name, number in steps.items():
    if number and number > MOST_STEPS:
      raise UserError(
        f'config.{name}={durations[name]!r} is more than {MOST_STEPS:,} steps'
      )
  number = config.get('log_spaced_evaluations')
  spaced = number and _log_spaced(number, steps['evaluate_every'], steps['train_for'])
  return Lengths(**steps, evaluation_steps=spaced or None)


def _log_spaced(number: int, first: int, last: int) -> tuple[int, ...]:
  """`number` steps from the first to nine tenths of the last, then five to the last."""
  end = max(first, 0.9 * last)
  ratio = (end / first) ** (1 / max(1, number - 1))
  spaced = {min(last, round(first * ratio**i)) for i in range(number)}
  tenth = {
    round(last * (1 - 0.1 * i / LAST_EVALUATIONS)) for i in range(LAST_EVALUATIONS)
  }
  return tuple(sorted(spaced | tenth))
