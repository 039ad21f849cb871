"""Section 2: what full whitening costs, and the rank of a mini-batch's covariance.

One layer, forward and backward, is whitened or normalized per dimension, in turns.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bn_repro.batch_norm.alternatives import Whitening, covariance_of
from bn_repro.batch_norm.layer import BatchNorm

WIDTHS = (25, 50, 100, 200, 400)
MINI_BATCH = 60
ROUNDS, SECONDS = 7, 0.05
LAYERS = {
  'per_dimension': functools.partial(BatchNorm, decay=0.99, epsilon=1e-3),
  'whitening': functools.partial(Whitening, decay=0.99, epsilon=1e-3),
}


def measure(widths: tuple[int, ...] = WIDTHS, rounds: int = ROUNDS) -> dict[str, Any]:
  """Times both layers at each width, in turns.

  `rows` has for each width the seconds of a pass in each round, by layer, and the rank
  of the covariance of `MINI_BATCH` examples.
  """
  return {'mini_batch': MINI_BATCH, 'rows': [_at(width, rounds) for width in widths]}


def _at(width: int, rounds: int) -> dict[str, Any]:
  x = np.random.default_rng(width).normal(size=(MINI_BATCH, width)).astype(np.float32)
  passes = {name: _forward_and_backward(make(), x) for name, make in LAYERS.items()}
  seconds = {name: [] for name in passes}
  for _ in range(rounds):
    for name, run in passes.items():
      seconds[name].append(_seconds_of(run))
  rank = np.linalg.matrix_rank(covariance_of(np.float64(x)))
  return {'width': width, 'rank': int(rank), 'seconds': seconds}


def _forward_and_backward(layer, x: np.ndarray) -> Callable[[], jax.Array]:
  """A compiled pass over a mini-batch that was run once."""
  variables = layer.init(jax.random.key(0), x, train=False)

  def loss_of(params, x):
    y, _ = layer.apply(variables | {'params': params}, x, train=True,
                       mutable=['batch_stats'])  # fmt: skip
    return jnp.mean(jnp.square(y - 1))

  compiled = jax.jit(jax.grad(loss_of, argnums=(0, 1)))
  run = functools.partial(compiled, variables['params'], jnp.asarray(x))
  jax.block_until_ready(run())
  return run


def _seconds_of(run: Callable) -> float:
  """Of one pass, the mean over as many as take `SECONDS`."""
  began, number = time.perf_counter(), 0
  while (taken := time.perf_counter() - began) < SECONDS:
    jax.block_until_ready(run())
    number += 1
  return taken / number
