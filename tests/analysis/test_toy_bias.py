"""Section 2's example does what the paper says of it."""

import numpy as np
import pytest

from bn_repro.analysis import toy_bias
from bn_repro.paper.analysis_page import TABLES

SCALED = 'mean and scale, outside the gradient'
SEEDS = range(16)


@pytest.fixture(scope='module')
def rows():
  return {row['way']: row for row in toy_bias.measure()['rows']}


def test_outside_the_gradient_b_grows_and_the_loss_stays(rows):
  """By the learning rate at every step: the gradient is mean(x_hat - 1) = -1."""
  row = rows['mean, outside the gradient']
  np.testing.assert_allclose(row['bias'], 0.1 * np.arange(101), rtol=1e-4)
  np.testing.assert_allclose(row['loss'], row['loss'][0], rtol=1e-5)


def test_seen_by_the_gradient_nothing_moves(rows):
  """Not a at all: it is scaled away, too."""
  for way in ('mean, gradient through it', 'mean and scale, gradient through both'):
    assert max(map(abs, rows[way]['bias'])) < 1e-5
  scales = rows['mean and scale, gradient through both']['scale']
  np.testing.assert_allclose(scales, 1, atol=1e-5)


@pytest.fixture(scope='module')
def starts():
  """Bias, scale, loss and variance of x with the scale: each `[seeds, steps]`.

  A step that leaves a near 0 makes the next one huge, so that after some steps rounding
  decides where a and b are: no number of one start holds on every machine.
  """
  inputs = [toy_bias.inputs(seed) for seed in SEEDS]
  runs = [toy_bias.trained(u, *toy_bias.WAYS[SCALED]) for u in inputs]
  tracks = {name: np.asarray([run[name] for run in runs]) for name in runs[0]}
  variances = np.asarray([np.var(u) for u in inputs])[:, None]
  return tracks | {'variance': tracks['scale'] ** 2 * variances}


def test_with_the_scale_b_grows_at_every_step(starts):
  """By the rate over the deviation of x: the gradient is mean(x_hat - 1) / deviation.

  (Where b is some hundreds, single precision has no steps finer than 3e-5.)
  """
  rise = toy_bias.LEARNING_RATE / np.sqrt(starts['variance'] + toy_bias.EPSILON)[:, :-1]
  np.testing.assert_allclose(np.diff(starts['bias']), rise, rtol=0.05, atol=1e-4)


def test_with_the_scale_the_loss_knows_nothing_of_it(starts):
  """It is 1, or less where epsilon is not small beside the variance, wherever b is."""
  of_x_hat = starts['variance'] / (starts['variance'] + toy_bias.EPSILON)
  np.testing.assert_allclose(starts['loss'], (1 + of_x_hat) / 2, atol=0.005)


def test_with_the_scale_it_is_worse(starts):
  """b goes farther than by the mean alone, and a, which was 1, is thrown about.

  Of most starts.
  """
  alone = toy_bias.LEARNING_RATE * toy_bias.STEPS
  assert np.median(starts['bias'][:, -1]) > alone
  assert np.median(np.abs(np.diff(starts['scale'])).sum(axis=1)) > alone


def test_the_table_has_a_row_for_each_way():
  assert len(TABLES['toy_bias'](toy_bias.measure()).splitlines()) == 2 + 4
