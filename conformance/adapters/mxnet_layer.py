"""MXNet: mx.gluon.nn.BatchNorm; over devices SyncBatchNorm of its contrib."""

import mxnet as mx
import numpy as np
from mxnet.gluon.contrib.nn import SyncBatchNorm

from conformance.adapters.base import Layer as Base
from conformance.adapters.base import channels_first, channels_last


class Layer(Base):
  MODES = ('eager', 'compiled')
  DTYPES = ('float32', 'float16')
  NAMES = {'epsilon': 'epsilon', 'decay': 'momentum'}

  def build(self):
    self.layer = mx.gluon.nn.BatchNorm(**self.named(self.options))
    self.layer.initialize()
    self.layer.cast(self.dtype)
    self.layer(self.cast(np.zeros(self.shape)))  # makes the parameters
    if self.mode == 'compiled':
      self.layer.hybridize()

  def cast(self, x):
    return mx.nd.array(channels_first(np.asarray(x, np.float32)), dtype=self.dtype)

  def forward(self, x, mask=None):
    if mask is not None:
      return super().forward(x, mask)
    self.x = self.cast(x)
    self.x.attach_grad()
    with mx.autograd.record(train_mode=True):
      self.y = self.layer(self.x)
    names = {name: np.dtype(p.dtype).name for name, p in self.parameters().items()}
    self.dtypes.update(y=self.y.dtype.__name__, **names)
    return channels_last(as_numpy(self.y))

  def backward(self, dy):
    self.y.backward(self.cast(dy))
    gamma, beta = (as_numpy(self.parameters()[n].grad()) for n in ('gamma', 'beta'))
    return channels_last(as_numpy(self.x.grad)), gamma, beta

  def timed(self, x, dy):
    x, dy = self.cast(x), self.cast(dy)
    x.attach_grad()

    def forward():
      with mx.autograd.record(train_mode=True):
        self.y = self.layer(x)
      mx.nd.waitall()

    def backward():
      self.y.backward(dy, retain_graph=True)
      mx.nd.waitall()

    return forward, backward

  def infer(self, x):
    return channels_last(as_numpy(self.layer(self.cast(x))))

  def parameters(self):
    layer = self.layer
    return {
      'gamma': layer.gamma, 'beta': layer.beta,
      'mean': layer.running_mean, 'var': layer.running_var,
    }  # fmt: skip

  def read(self):
    return {name: as_numpy(p.data()) for name, p in self.parameters().items()}

  def assign(self, **values):
    for name, value in values.items():
      self.parameters()[name].set_data(mx.nd.array(value))

  @classmethod
  def over_devices(cls, parts, dys, groups=None, masks=None, **options):
    if groups is not None or masks is not None:
      return super().over_devices(parts, dys, groups, masks, **options)
    contexts = [mx.cpu(i) for i in range(len(parts))]
    layer = SyncBatchNorm(
      in_channels=parts[0].shape[-1], num_devices=len(parts), **cls.named(options)
    )
    layer.initialize(ctx=contexts)
    place = lambda arrays: [mx.nd.array(a, ctx=c) for a, c in zip(arrays, contexts)]
    xs = place(parts)
    for x in xs:
      x.attach_grad()
    with mx.autograd.record(train_mode=True):
      ys = [layer(x) for x in xs]
    # All before any is waited for: each waits for the others.
    mx.autograd.backward(ys, place(dys))
    read = lambda of: [as_numpy(of(context)) for context in contexts]
    return {
      'y': [as_numpy(y) for y in ys], 'dx': [as_numpy(x.grad) for x in xs],
      'gamma': read(layer.gamma.grad), 'beta': read(layer.beta.grad),
      'mean': read(layer.running_mean.data), 'var': read(layer.running_var.data),
    }  # fmt: skip


def as_numpy(array):
  return array.astype('float32').asnumpy().astype(np.float64)
