"""Haiku: hk.BatchNorm, whose decay has no default; 0.9 is that of its example."""

import haiku as hk
import jax
import jax.numpy as jnp

from conformance.adapters.base import numpy64
from conformance.adapters.jax_layer import AXIS, JaxLayer


class Layer(JaxLayer):
  PLACES = {
    'gamma': ('params', 'batch_norm', 'scale'),
    'beta': ('params', 'batch_norm', 'offset'),
    'mean': ('stats', 'batch_norm/~/mean_ema', 'average'),
    'var': ('stats', 'batch_norm/~/var_ema', 'average'),
  }
  NAMES = {'epsilon': 'eps', 'decay': 'decay_rate'}

  def init(self, x):
    self.layer = self.transformed(self.device_options)
    # Before there is an axis of devices.
    return self.transformed({}).init(jax.random.key(0), x, True)

  def transformed(self, device_options):
    options = {'decay_rate': 0.9, **self.named(self.options), **device_options}
    return hk.transform_with_state(
      lambda x, train: hk.BatchNorm(True, True, **options)(x, train)
    )

  def apply(self, params, stats, x, train):
    return self.layer.apply(params, stats, None, x, train)

  def assign(self, **values):
    """`average` is what inference takes; the next step starts from `hidden`."""
    super().assign(**values)
    for name in {'mean', 'var'} & {*values}:
      ema = self.variables['stats'][self.PLACES[name][1]]
      # As if it had run for so long that nothing is left to debias.
      ema['hidden'], ema['counter'] = ema['average'], jnp.int32(1_000_000)

  def per_activation(self, x):
    call = lambda x: hk.BatchNorm(True, True, 0.9, axis=[0])(x, True)
    layer = hk.transform_with_state(call)
    params, state = layer.init(jax.random.key(0), jnp.asarray(x))
    return numpy64(layer.apply(params, state, None, jnp.asarray(x))[0])

  @classmethod
  def options_for(cls, groups):
    return {'cross_replica_axis': AXIS, 'cross_replica_axis_index_groups': groups}
