"""flax.linen.BatchNorm as it comes: E[x^2] - E[x]^2."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from conformance.adapters.base import numpy64
from conformance.adapters.jax_layer import JaxLayer, broadcast, places


class Layer(JaxLayer):
  PLACES = places('scale', 'bias')
  NAMES = {'epsilon': 'epsilon', 'decay': 'momentum'}
  MASKED = True
  extra = {}

  def init(self, x):
    self.layer = nn.BatchNorm(
      **self.named(self.options), **self.device_options, **self.extra
    )
    variables = self.layer.init(jax.random.key(0), x, use_running_average=True)
    return variables['params'], variables['batch_stats']

  def apply(self, params, stats, x, train, mask=None):
    y, new = self.layer.apply(
      {'params': params, 'batch_stats': stats}, x, use_running_average=not train,
      mask=broadcast(mask, x), mutable=['batch_stats'],
    )  # fmt: skip
    return y, new.get('batch_stats', stats)

  def forgotten(self):
    variables = {
      'params': self.variables['params'], 'batch_stats': self.variables['stats'],
    }  # fmt: skip
    x = jnp.arange(12.0).reshape(4, 3)
    self.layer.apply(variables, x, use_running_average=False)  # without `mutable`
    return 'dropped without an error'

  def per_activation(self, x):
    axes = tuple(range(1, x.ndim))
    layer = nn.BatchNorm(axis=axes, **self.extra)
    arguments = jnp.asarray(x), False
    return numpy64(layer.init_with_output(jax.random.key(0), *arguments)[0])
