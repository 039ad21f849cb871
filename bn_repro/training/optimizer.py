"""Stochastic gradient descent and its learning rate, from a config."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax
from jaxtyping import ArrayLike, Float, Int
from ml_collections import ConfigDict

from bn_repro.run.durations import MOST_STEPS, Lengths

Scalar = Float[ArrayLike, ''] | float
LearningRates = Callable[[Int[ArrayLike, '*steps']], Float[np.ndarray, '*steps']]
BLOCK = 4096  # powers of the decay that are listed one by one


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
  blocks, powers = _powers(config.learning_rate_decay)
  blocks = np.float32(config.learning_rate) * blocks

  def at(steps):
    falls = np.asarray(steps) // every
    block = np.take(blocks, falls // BLOCK, mode='clip')
    return block * np.take(powers, falls % BLOCK)

  return at


@functools.cache
def _powers(decay: float) -> tuple[np.ndarray, np.ndarray]:
  """Two lists of float32 whose products are decay ** n, for n from 0 to `MOST_STEPS`.

  Element n // BLOCK of the first, n % BLOCK of the second: NumPy's own powers differ
  between processors, and the learning rate may fall at every step. The first ends with
  the first 0.
  """
  exponents = BLOCK * np.arange(MOST_STEPS // BLOCK + 1), np.arange(BLOCK)
  first, second = (np.float64(np.float32(decay)) ** n for n in exponents)
  first = first.astype(np.float32)
  return first[: np.count_nonzero(first) + 1], second.astype(np.float32)
