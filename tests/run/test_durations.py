"""Durations: three interchangeable units, and what is refused."""

import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bn_repro.run import config as config_lib
from bn_repro.run import durations
from bn_repro.run.errors import UserError
from support import PROJECT, small_config

IMAGENET = 1_281_167  # training examples
counts = st.integers(1, 10**7)
moderate = settings(max_examples=100, deadline=None, derandomize=True)


@pytest.mark.parametrize(
  'text, amount, unit',
  [
    ('1 step', 1, 'step'),
    ('50_000 steps', 50_000, 'step'),
    ('1e6 examples', 10**6, 'example'),
    ('1 example', 1, 'example'),
    ('8/6 epochs', Fraction(4, 3), 'epoch'),
    ('0.5 epoch', Fraction(1, 2), 'epoch'),
    ('  2   epochs ', 2, 'epoch'),
  ],
)
def test_a_duration_is_a_positive_number_and_a_unit(text, amount, unit):
  """Fractions, decimals and underscores; a unit with or without its s."""
  assert durations.parse(text) == (amount, unit)


@moderate
@given(steps=counts, batch_size=counts, num_examples=counts)
def test_units_are_interchangeable(steps, batch_size, num_examples):
  """So many steps are as many in examples, and in epochs written as a fraction."""
  examples = steps * batch_size
  for text in (
    f'{steps} steps', f'{examples} examples', f'{examples}/{num_examples} epochs'
  ):  # fmt: skip
    assert durations.in_steps(text, batch_size, num_examples) == steps


@moderate
@given(amount=st.fractions(min_value='1/1000', max_value=1000), batch_size=counts)
def test_the_nearest_number_of_steps_but_at_least_one(amount, batch_size):
  """An exact sum: no step is lost to a rounding of floats."""
  exact = amount * IMAGENET / batch_size
  steps = durations.in_steps(f'{amount} epochs', batch_size, IMAGENET)
  assert steps >= 1
  assert abs(steps - exact) <= Fraction(1, 2) or steps == 1 > exact


@pytest.mark.parametrize(
  'text, steps',
  [
    ('8 epochs', 320_292),
    ('8/6 epochs', 53_382),  # "6 times faster"
    ('31e6 steps', 31_000_000),
    ('1 example', 1),
    ('1/1000 epochs', 40),
  ],
)
def test_steps_of_32_on_imagenet(text, steps):
  assert durations.in_steps(text, 32, IMAGENET) == steps


BAD = (
  '', ' ', '5', 'steps', ' steps', '0 steps', '0/7 epochs', '-1 epochs', '-1/3 epochs',
  'nan steps', 'inf steps', '-inf epochs', '1/0 epochs', '5 parsecs', '5 stepss',
  '5 s', '5 Steps', '5steps', '8 / 6 epochs', '1/2/3 epochs', '1,000 steps',
  '1_ steps', 'five steps', '1 step 2', '0x10 steps', '1 step\nand more',
)  # fmt: skip
VERY_LONG = (
  '9' * 5_000 + ' steps', '5 ' + 'step' * 10_000, '1/' + '9' * 5_000 + ' epochs'
)  # fmt: skip


@pytest.mark.parametrize('text', BAD)
def test_anything_else_is_refused(text, config):
  """By `parse`, and before a run in one line that says what is allowed."""
  with pytest.raises(ValueError):
    durations.parse(text)
  config.train_for = text
  with pytest.raises(UserError, match=r'^config\.train_for=.* is not a duration such'):
    config_lib.check(config)


@pytest.mark.parametrize('text', VERY_LONG, ids=['number', 'unit', 'fraction'])
def test_very_long_ones_are_refused(text):
  with pytest.raises(ValueError):
    durations.parse(text)


@pytest.mark.parametrize('text', ['1e999999999 steps', '1e-999999999 epochs'])
def test_absurd_exponents_are_refused_at_once(text):
  """And not worked out, which would take all memory: so in a process of its own."""
  program = f'from bn_repro.run import durations; durations.parse({text!r})'
  ran = subprocess.run(
    [sys.executable, '-c', program],
    cwd=PROJECT, capture_output=True, text=True, timeout=20,
  )  # fmt: skip
  assert 'ValueError' in ran.stderr


@pytest.mark.parametrize(
  'field', ['train_for', 'log_every', 'evaluate_every', 'checkpoint_every']
)
def test_every_duration_of_a_config_is_checked(config, field):
  config[field] = '5 parsecs'
  with pytest.raises(UserError, match=rf'^config\.{field}='):
    config_lib.check(config)


@pytest.mark.parametrize('field', ['train_for', 'log_every'])
def test_more_steps_than_are_counted_in_32_bits_are_refused(field):
  config = small_config('batch_norm', **{field: '1e9 epochs'})
  with pytest.raises(UserError, match=rf'config\.{field}=.* more than 2,147,483,647'):
    durations.lengths(config, IMAGENET)
  config[field] = f'{durations.MOST_STEPS} steps'
  assert getattr(durations.lengths(config, IMAGENET), field) == durations.MOST_STEPS


def test_lengths_are_the_durations_of_a_config_in_steps():
  """Section 4.1 names no decay of the learning rate, section 4.2 does."""
  config = small_config(
    'batch_norm', train_for='2 epochs', log_every='600 examples',
    evaluate_every='1 epoch', checkpoint_every='7 steps',
  )  # fmt: skip
  assert durations.lengths(config, 1437) == durations.Lengths(
    train_for=48, log_every=10, evaluate_every=24, checkpoint_every=7,
    learning_rate_decay_every=None, train_at_least=None,
  )  # fmt: skip
  inception = config_lib.load(str(PROJECT / 'configs' / 'inception.py'))
  lengths = durations.lengths(inception, IMAGENET)
  assert lengths.train_for == 31_000_000
  assert lengths.learning_rate_decay_every == 320_292


def log_spaced(number, first, last):
  config = small_config('batch_norm')
  config.evaluate_every, config.train_for = f'{first} steps', f'{last} steps'
  config.log_spaced_evaluations = number
  return durations.lengths(config, 1437)


def test_log_spaced_evaluations_have_equal_ratios_and_five_in_the_last_tenth():
  lengths = log_spaced(40, 100, 60_000)
  steps = lengths.evaluation_steps
  assert len(steps) == 45
  assert (steps[0], steps[39]) == (100, 54_000)
  ratios = [steps[i + 1] / steps[i] for i in range(39)]
  assert max(ratios) == pytest.approx(min(ratios), rel=0.01)
  assert lengths.last_evaluations == (55_200, 56_400, 57_600, 58_800, 60_000)


@pytest.mark.parametrize(
  'number, first, last',
  [(40, 100, 60), (40, 1, 30), (1, 7, 7), (1000, 1, 1), (2, 5, 9)],
)
def test_log_spaced_evaluations_of_short_runs_rise_and_end_with_the_run(
  number, first, last
):
  steps = log_spaced(number, first, last).evaluation_steps
  assert list(steps) == sorted(set(steps))
  assert steps[-1] == last and steps[0] >= 1


def test_every_evaluation_is_the_next_one_of_the_step_before():
  for lengths in (log_spaced(10, 5, 300), log_spaced(0, 7, 30)):
    last = lengths.train_for
    due = [step for step in range(1, last + 1) if lengths.is_evaluated(step)]
    following, step = [], 0
    while step < last:
      step = lengths.next_evaluation(step)
      following.append(step)
    assert following == due
