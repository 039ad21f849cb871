"""tinygrad: tinygrad.nn.BatchNorm."""

import numpy as np
from tinygrad import Tensor, dtypes, nn
from tinygrad.helpers import Context

from conformance.adapters.base import Layer as Base
from conformance.adapters.base import channels_first, channels_last


class Layer(Base):
  NAMES = {'epsilon': 'eps', 'decay': 'momentum = 1 - '}

  def build(self):
    self.layer = nn.BatchNorm(self.shape[-1], **self.named(self.options))

  def cast(self, x):
    x = np.ascontiguousarray(channels_first(np.asarray(x, np.float32)))
    return Tensor(x).cast(getattr(dtypes, self.dtype)).realize()

  def forward(self, x, mask=None):
    if mask is not None:
      return super().forward(x, mask)
    self.x = self.cast(x)
    with training(True):
      self.y = self.layer(self.x).realize(*self.stored())
    for name, tensor in (('y', self.y), *self.tensors().items()):
      self.dtypes[name] = tensor.dtype.name
    return channels_last(as_numpy(self.y))

  def backward(self, dy):
    inputs = self.x, self.layer.weight, self.layer.bias
    grads = self.y.gradient(*inputs, gradient=self.cast(dy))
    dx, gamma, beta = map(as_numpy, grads)
    return channels_last(dx), gamma, beta

  def infer(self, x):
    with training(False):
      y = self.layer(self.cast(x)).realize()
    return channels_last(as_numpy(y))

  def stored(self):
    return self.layer.running_mean, self.layer.running_var

  def tensors(self):
    mean, var = self.stored()
    return {
      'gamma': self.layer.weight, 'beta': self.layer.bias, 'mean': mean, 'var': var
    }  # fmt: skip

  def read(self):
    return {name: as_numpy(tensor) for name, tensor in self.tensors().items()}

  def assign(self, **values):
    for name, value in values.items():
      tensor = self.tensors()[name]
      tensor.assign(Tensor(np.asarray(value, np.float32))).realize()


def training(is_on):
  if hasattr(Tensor, 'train'):
    return Tensor.train(is_on)
  return Context(TRAINING=int(is_on))


def as_numpy(tensor):
  return tensor.cast(dtypes.float32).numpy().astype(np.float64)
