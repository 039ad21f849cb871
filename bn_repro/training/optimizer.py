"""Stochastic gradient descent and its learning rate, from a config."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax
from jaxtyping import ArrayLike, Float, Int
from ml_collections import ConfigDict

from bn_repro.run.durations import Lengths

Scalar = Float[ArrayLike, ''] | float
LearningRates = Callable[[Int[ArrayLike, '*steps']], Float[np.ndarray, '*steps']]
BLOCK = 4096  # falls of the learning rate that are one factor


def build(
  config: ConfigDict, learning_rate: Scalar, l2: Scalar | None
) -> optax.GradientTransformation:
  """SGD with momentum (none at 0) at a learning rate, which may be traced.

  The L2 penalty is l2 / 2 * |w|^2: l2 * w is added to the gradient, of weights only;
  biases have none, gamma and beta where the config says so. None adds nothing.
  """
  descent = optax.sgd(lambda count: learning_rate, config.momentum or None)
  if l2 is None:
    return descent
  names = ('kernel', *(('gamma', 'beta') if config.l2_on_gamma_and_beta else ()))
  penalty = optax.add_decayed_weights(l2, lambda params: _named(params, names))
  return optax.chain(penalty, descent)


def _named(params: Any, names: tuple[str, ...]) -> Any:
  """A tree of bool: whether a parameter has one of these names."""
  return jax.tree_util.tree_map_with_path(lambda path, _: path[-1].key in names, params)


def learning_rates(config: ConfigDict, lengths: Lengths) -> LearningRates:
  """The learning rate at a step, or at each of an array of steps.

  Multiplied by `learning_rate_decay` after each `learning_rate_decay_every`, in steps
  (a staircase, in float32), as GoogLeNet does. Constant where a config has no such
  fields: section 4.1 names no decay.
  """
  every = lengths.learning_rate_decay_every
  if every is None:
    return lambda steps: np.full(np.shape(steps), config.learning_rate)
  first, decay = (
    np.float32(value) for value in (config.learning_rate, config.learning_rate_decay)
  )
  power = lambda exponents: (np.float64(decay) ** exponents).astype(np.float32)

  def at(steps):
    # In two rounded factors, which are the bits of every run so far.
    blocks, rest = np.divmod(np.asarray(steps) // every, BLOCK)
    return first * power(BLOCK * blocks) * power(rest)

  return at
