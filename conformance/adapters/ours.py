"""Ours: bn_repro.batch_norm.layer.BatchNorm, in Flax."""

import jax
import jax.numpy as jnp
import numpy as np

from bn_repro.batch_norm.layer import BatchNorm
from conformance.adapters.base import numpy64
from conformance.adapters.jax_layer import JaxLayer, places


class Layer(JaxLayer):
  PLACES = places('gamma', 'beta')
  NAMES = {'epsilon': 'epsilon', 'decay': 'decay'}
  MASKED = True
  module = BatchNorm
  extra = {}

  def init(self, x):
    options = self.named(self.options) | self.device_options
    self.layer = self.module(**options, **self.extra)
    variables = self.layer.init(jax.random.key(0), x, train=False)
    return variables['params'], variables['batch_stats']

  def apply(self, params, stats, x, train, mask=None):
    variables, shape = {'params': params, 'batch_stats': stats}, x.shape
    if mask is not None and mask.ndim > 1:
      # The layer takes masks of the positions of sequences, which those of images are
      # for one that normalizes over all of them.
      x, mask = x.reshape(len(x), -1, shape[-1]), mask.reshape(len(x), -1)
    y, new = self.layer.apply(variables, x, train, mask, mutable=['batch_stats'])
    return y.reshape(shape), new['batch_stats']

  def forgotten(self):
    variables = {
      'params': self.variables['params'], 'batch_stats': self.variables['stats'],
    }  # fmt: skip
    x = jnp.arange(12.0).reshape(4, 3)
    self.layer.apply(variables, x, True)  # without `mutable`
    return 'dropped without an error'

  def per_activation(self, x):
    layer = self.module(per_activation=True, **self.extra)
    variables = layer.init(jax.random.key(0), jnp.asarray(x), train=False)
    y, _ = layer.apply(variables, jnp.asarray(x), True, mutable=['batch_stats'])
    return numpy64(np.asarray(y))
