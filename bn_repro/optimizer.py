"""Stochastic gradient descent and its learning rate, from a config."""

from typing import Any

import jax
import optax
from ml_collections import ConfigDict

from bn_repro.durations import Lengths


def learning_rate_schedule(config: ConfigDict, lengths: Lengths) -> optax.Schedule:
  """Learning rate as a function of the step.

  Multiplied by `learning_rate_decay` after each `learning_rate_decay_every`, at
  once and not little by little, as GoogLeNet's. Constant where a config has no
  such fields: section 4.1 names no decay.
  """
  if lengths.learning_rate_decay_every is None:
    return optax.constant_schedule(config.learning_rate)
  return optax.exponential_decay(
    config.learning_rate, lengths.learning_rate_decay_every,
    config.learning_rate_decay, staircase=True,
  )  # fmt: skip


def build(config: ConfigDict, lengths: Lengths) -> optax.GradientTransformation:
  """SGD with momentum (none at 0) at `learning_rate_schedule`.

  The L2 penalty is l2 / 2 * |w|^2, so that l2 * w is added to the gradient, of
  weights only: biases have none, gamma and beta where the config says so.
  """
  descent = optax.sgd(learning_rate_schedule(config, lengths), config.momentum or None)
  if not config.get('l2', 0.0):
    return descent
  names = ('kernel', *(('gamma', 'beta') if config.l2_on_gamma_and_beta else ()))
  penalty = optax.add_decayed_weights(config.l2, lambda params: _named(params, names))
  return optax.chain(penalty, descent)


def _named(params: Any, names: tuple[str, ...]) -> Any:
  """A tree of bool: whether a parameter has one of these names."""
  return jax.tree_util.tree_map_with_path(lambda path, _: path[-1].key in names, params)
