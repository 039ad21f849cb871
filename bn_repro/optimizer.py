"""Stochastic gradient descent and its learning rate, from a config."""

import optax
from ml_collections import ConfigDict


def learning_rate_schedule(config: ConfigDict) -> optax.Schedule:
  """Learning rate as a function of the step. Section 4.1 names no decay."""
  return optax.constant_schedule(config.learning_rate)


def build(config: ConfigDict) -> optax.GradientTransformation:
  """SGD with momentum (none at 0), at `learning_rate_schedule`."""
  return optax.sgd(learning_rate_schedule(config), config.momentum or None)
