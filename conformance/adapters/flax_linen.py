"""flax.linen.BatchNorm as it comes: E[x^2] - E[x]^2."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from conformance.adapters.base import numpy64
from conformance.adapters.jax_layer import JaxLayer


class Layer(JaxLayer):
  PLACES = {
    'gamma': ('params', 'scale'), 'beta': ('params', 'bias'),
    'mean': ('stats', 'mean'), 'var': ('stats', 'var'),
  }  # fmt: skip
  NAMES = {'epsilon': 'epsilon', 'decay': 'momentum'}
  MASKED = True
  extra = {}

  def init(self, x):
    options = {self.NAMES[name]: v for name, v in self.options.items() if v is not None}
    self.layer = nn.BatchNorm(**options, **self.device_options, **self.extra)
    variables = self.layer.init(jax.random.key(0), x, use_running_average=True)
    return variables['params'], variables['batch_stats']

  def apply(self, params, stats, x, train, mask=None):
    if mask is not None:
      mask = jnp.reshape(mask, mask.shape + (1,) * (x.ndim - mask.ndim))
    y, new = self.layer.apply(
      {'params': params, 'batch_stats': stats}, x, use_running_average=not train,
      mask=mask, mutable=['batch_stats'],
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
