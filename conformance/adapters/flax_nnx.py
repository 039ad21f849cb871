"""flax.nnx.BatchNorm."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.adapters.base import numpy64
from conformance.adapters.jax_layer import JaxLayer, broadcast, places


class Layer(JaxLayer):
  PLACES = places('scale', 'bias')
  NAMES = {'epsilon': 'epsilon', 'decay': 'momentum'}
  MASKED = True

  def make(self, features):
    options = self.named(self.options) | self.device_options
    return nnx.BatchNorm(features, rngs=nnx.Rngs(0), **options)

  def init(self, x):
    self.layer = self.make(x.shape[-1])
    graph, params, stats = nnx.split(self.layer, nnx.Param, nnx.BatchStat)
    self.graph = graph
    return nnx.to_pure_dict(params), nnx.to_pure_dict(stats)

  def apply(self, params, stats, x, train, mask=None):
    _, *states = nnx.split(self.make(x.shape[-1]), nnx.Param, nnx.BatchStat)
    for state, values in zip(states, (params, stats)):
      nnx.replace_by_pure_dict(state, values)
    layer = nnx.merge(self.graph, *states)
    y = layer(x, use_running_average=not train, mask=broadcast(mask, x))
    return y, nnx.to_pure_dict(nnx.state(layer, nnx.BatchStat))

  def forgotten(self):
    layer = self.make(3)
    jax.jit(lambda layer, x: layer(x, use_running_average=False))(
      layer, jnp.arange(12.0).reshape(4, 3)
    )
    stays = not np.asarray(layer.mean[...]).any()
    return 'in jax.jit: no error, the statistics stay' if stays else 'kept'

  def per_activation(self, x):
    layer = nnx.BatchNorm(x.shape[1:], axis=tuple(range(1, x.ndim)), rngs=nnx.Rngs(0))
    return numpy64(layer(jnp.asarray(x), use_running_average=False))
