"""The hyperparameters that a compiled step takes as arguments.

Runs which differ in them alone share one program: a sweep compiles once. Does not know
what a step computes.
"""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import ArrayLike, Float, Int, UInt32
from ml_collections import ConfigDict

from bn_repro.data.distort import Distortion

Scalar = Float[ArrayLike, '']


class Hyperparameters(NamedTuple):
  """Scalars of a run (sections 4.1 and 4.2.1); None for those that it does not use.

  Which are None is compiled in; values are not. `seed` seeds all random numbers, `l2`
  is the weight of the penalty, `dropout` the share of values that are dropped,
  `strength` that of photometric distortion.
  """

  seed: UInt32[ArrayLike, '']
  l2: Scalar | None
  dropout: Scalar | None
  strength: Scalar | None

  def distortion(self, stream: int) -> Distortion:
    """Of the examples that this stream of the sampler draws."""
    return Distortion(self.seed, stream, self.strength)

  def noise_key(
    self, step: Int[ArrayLike, ''] | int, axis: str | None = None
  ) -> jax.Array:
    """For dropout and noise of a step; each of the devices of `axis` has its own."""
    key = jax.random.fold_in(jax.random.key(self.seed), step)
    return key if axis is None else jax.random.fold_in(key, jax.lax.axis_index(axis))


def of_run(config: ConfigDict) -> Hyperparameters:
  """Those that the config states: uint32 and float32."""
  layers = config.variant if 'variant' in config else config.model
  return Hyperparameters(
    np.uint32(config.seed), _scalar(config.get('l2')), _scalar(layers.get('dropout')),
    _scalar(config.get('photometric_distortion')),
  )  # fmt: skip


def _scalar(value: float | None) -> np.ndarray | None:
  return np.float32(value) if value else None
