"""Stochastic gradient descent and its learning rate, from a config."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from bn_repro.run.durations import MOST_STEPS, Lengths

BLOCK = 4096  # powers of the decay that are listed one by one


def build(config: ConfigDict, lengths: Lengths) -> optax.GradientTransformation:
  """SGD with momentum (none at 0) at `learning_rate_schedule`.

  The L2 penalty is l2 / 2 * |w|^2: l2 * w is added to the gradient, of weights only;
  biases have none, gamma and beta where the config says so.
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


def learning_rate_schedule(config: ConfigDict, lengths: Lengths) -> optax.Schedule:
  """The learning rate, a scalar float32, at a step.

  Multiplied by `learning_rate_decay` after each `learning_rate_decay_every`, in steps
  (a staircase), as GoogLeNet does. Constant where a config has no such fields:
  section 4.1 names no decay. The same bits inside a compiled program and outside, so
  that the learning rate that is recorded is the one that was used.
  """
  every = lengths.learning_rate_decay_every
  if every is None:
    return optax.constant_schedule(config.learning_rate)
  blocks, powers = _powers(config.learning_rate_decay)
  blocks = np.float32(config.learning_rate) * blocks

  def schedule(step):
    # Whole numbers: optax.exponential_decay divides in float32, which a compiled
    # program does by a rounded reciprocal, and falls a step late for some lengths.
    falls = step // every
    block = jnp.take(blocks, falls // BLOCK, mode='clip')
    return block * jnp.take(powers, falls % BLOCK, mode='clip')

  return schedule


@functools.cache
def _powers(decay: float) -> tuple[np.ndarray, np.ndarray]:
  """Two lists of float32 whose products are decay ** n, for n from 0 to `MOST_STEPS`.

  Element n // BLOCK of the first, n % BLOCK of the second. Listed, since compilers
  and devices round a power differently; in two lists, since the learning rate may fall
  at every step. The first ends with the first 0.
  """
  exponents = BLOCK * np.arange(MOST_STEPS // BLOCK + 1), np.arange(BLOCK)
  first, second = (np.float64(np.float32(decay)) ** n for n in exponents)
  first = first.astype(np.float32)
  return first[: np.count_nonzero(first) + 1], second.astype(np.float32)
