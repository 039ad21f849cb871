"""Section 2's example does what the paper says of it."""

import numpy as np
import pytest

from bn_repro.analysis import toy_bias


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
  for way in ('mean, seen by the gradient', 'mean and scale, seen by the gradient'):
    assert max(map(abs, rows[way]['bias'])) < 1e-5
  scales = rows['mean and scale, seen by the gradient']['scale']
  np.testing.assert_allclose(scales, 1, atol=1e-5)


def test_with_the_scale_it_is_worse(rows):
  """b grows faster and a is thrown about, and the loss knows nothing of it."""
  row = rows['mean and scale, outside the gradient']
  assert max(map(abs, row['bias'])) > 20 and max(map(abs, row['scale'])) > 5
  np.testing.assert_allclose(row['loss'], 1, atol=1e-3)


def test_the_table_has_a_row_for_each_way():
  assert len(toy_bias.table(toy_bias.measure()).splitlines()) == 2 + 4
