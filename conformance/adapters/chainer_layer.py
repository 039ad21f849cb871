"""Chainer: chainer.links.BatchNormalization."""

import chainer
import numpy as np

from conformance.adapters.base import Layer as Base
from conformance.adapters.base import channels_first, channels_last


class Layer(Base):
  DTYPES = ('float32', 'float16')
  NAMES = {'epsilon': 'eps', 'decay': 'decay'}

  def build(self):
    if self.dtype == 'float16':
      # What its guide has for networks in half precision.
      chainer.global_config.dtype = chainer.mixed16
    self.layer = chainer.links.BatchNormalization(
      self.shape[-1], **self.named(self.options)
    )
    chainer.global_config.dtype = np.float32

  def cast(self, x):
    return chainer.Variable(np.ascontiguousarray(channels_first(x), self.dtype))

  def forward(self, x, mask=None):
    if mask is not None:
      return super().forward(x, mask)
    self.x = self.cast(x)
    with chainer.using_config('train', True):
      self.y = self.layer(self.x)
    self.note(y=self.y, **self.arrays())
    return channels_last(self.y.array.astype(np.float64))

  def backward(self, dy):
    inputs = [self.x, self.layer.gamma, self.layer.beta]
    grads = chainer.grad([self.y], inputs, [self.cast(dy)])
    dx, gamma, beta = (g.array.astype(np.float64) for g in grads)
    return channels_last(dx), gamma, beta

  def infer(self, x):
    with chainer.using_config('train', False), chainer.no_backprop_mode():
      y = self.layer(self.cast(x))
    self.note(inferred=y)
    return channels_last(y.array.astype(np.float64))

  def arrays(self):
    layer = self.layer
    return {
      'gamma': layer.gamma.array, 'beta': layer.beta.array,
      'mean': layer.avg_mean, 'var': layer.avg_var,
    }  # fmt: skip

  def read(self):
    return {name: array.astype(np.float64) for name, array in self.arrays().items()}

  def assign(self, **values):
    for name, value in values.items():
      self.arrays()[name][...] = value

  def per_activation(self, x):
    layer = chainer.links.BatchNormalization(x.shape[1:], axis=0)
    return layer(np.asarray(x, np.float32)).array.astype(np.float64)
