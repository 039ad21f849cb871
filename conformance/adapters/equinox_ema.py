"""Equinox: eqx.nn.BatchNorm, in the mode that it takes when none is given."""

import equinox as eqx
import jax
import jax.numpy as jnp

from conformance.adapters.base import NotOffered
from conformance.adapters.jax_layer import AXIS, JaxLayer


class Layer(JaxLayer):
  NAMES = {'epsilon': 'eps', 'decay': 'momentum'}
  PLACES = {'gamma': (), 'beta': (), 'mean': (), 'var': ()}
  EQUINOX_MODE = 'ema'
  axes = ('batch',)

  def init(self, x):
    if self.device_options:
      self.axes = ('batch', AXIS)
    make = eqx.nn.make_with_state(eqx.nn.BatchNorm)
    layer, state = make(
      x.shape[-1], self.axes, mode=self.EQUINOX_MODE, **self.named(self.options)
    )
    params, self.static = eqx.partition(layer, eqx.is_inexact_array)
    return params, state

  def apply(self, params, stats, x, train):
    layer = eqx.combine(params, self.static)

    def one(x, state):
      return layer(jnp.moveaxis(x, -1, 0), state, inference=not train)

    mapped = jax.vmap(one, axis_name='batch', in_axes=(0, None), out_axes=(0, None))
    y, new = mapped(x, stats)
    return jnp.moveaxis(y, 1, -1), new

  def statistics_index(self, params):
    return params.ema_state_index

  def at(self, name, tree=None):
    tree = self.variables if tree is None else tree
    if name in ('gamma', 'beta'):
      return tree['params'].weight if name == 'gamma' else tree['params'].bias
    stored = tree['stats'].get(self.statistics_index(self.static))
    return stored[name == 'var'] / self.debiasing(tree['stats'])

  def debiasing(self, state):
    return 1.0

  def assign(self, **values):
    layer, state = self.variables['params'], self.variables['stats']
    parameters = [jnp.float32(values.get(n, self.at(n))) for n in ('gamma', 'beta')]
    layer = eqx.tree_at(lambda layer: (layer.weight, layer.bias), layer, parameters)
    if {'mean', 'var'} & {*values}:
      stored = tuple(jnp.float32(values.get(n, self.at(n))) for n in ('mean', 'var'))
      state = self.trained_state(state).set(self.statistics_index(self.static), stored)
    self.variables = {'params': layer, 'stats': state}

  def trained_state(self, state):
    index = self.static.ema_first_time_index
    return state.set(index, jnp.array(False))

  @classmethod
  def over_devices(cls, parts, dys, groups=None, masks=None, **options):
    if groups is not None:
      raise NotOffered('no groups')
    return super().over_devices(parts, dys, groups, masks, **options)
