"""Stochastic gradient descent, as section 4.1 needs it."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bn_repro import optimizer


@pytest.mark.parametrize('momentum', [0.0, 0.9])
def test_update_is_sgd_with_momentum(config, momentum):
  """v = momentum * v + g; w = w - rate * v."""
  config.momentum, config.learning_rate = momentum, 0.5
  transformation = optimizer.build(config)
  weights = {'w': jnp.asarray([1.0, -2.0])}
  state = transformation.init(weights)
  velocity, expected = np.zeros(2), np.asarray([1.0, -2.0])
  for gradient in ([1.0, 3.0], [-2.0, 0.5]):
    update, state = transformation.update({'w': jnp.asarray(gradient)}, state, weights)
    weights = optax.apply_updates(weights, update)
    velocity = momentum * velocity + gradient
    expected = expected - 0.5 * velocity
  np.testing.assert_allclose(weights['w'], expected, rtol=1e-6)


def test_the_rate_is_constant(config):
  schedule = optimizer.learning_rate_schedule(config)
  assert {float(schedule(step)) for step in (0, 1, 49_999)} == {config.learning_rate}
