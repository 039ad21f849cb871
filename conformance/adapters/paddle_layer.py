"""PaddlePaddle: paddle.nn.BatchNorm1D and 2D."""

import numpy as np
import paddle

from conformance.adapters.base import Layer as Base
from conformance.adapters.base import channels_first, channels_last


class Layer(Base):
  MODES = ('eager', 'compiled')
  NAMES = {'epsilon': 'epsilon', 'decay': 'momentum'}

  def build(self):
    of_dimensions = {2: paddle.nn.BatchNorm1D, 4: paddle.nn.BatchNorm2D}
    self.layer = of_dimensions[len(self.shape)](
      self.shape[-1], **self.named(self.options)
    )
    self.call = self.layer
    if self.mode == 'compiled':
      self.call = paddle.jit.to_static(self.layer)

  def cast(self, x):
    x = np.ascontiguousarray(channels_first(np.asarray(x, np.float32)))
    return paddle.to_tensor(x).astype(self.dtype)

  def forward(self, x, mask=None):
    if mask is not None:
      return super().forward(x, mask)
    self.layer.train()
    self.x = self.cast(x)
    self.x.stop_gradient = False
    self.y = self.call(self.x)
    self.note(y=self.y, **self.tensors())
    return channels_last(as_numpy(self.y))

  def backward(self, dy):
    inputs = [self.x, self.layer.weight, self.layer.bias]
    dx, *others = paddle.grad(self.y, inputs, grad_outputs=self.cast(dy))
    return (channels_last(as_numpy(dx)), *map(as_numpy, others))

  def timed(self, x, dy):
    x, dy = self.cast(x), self.cast(dy)
    x.stop_gradient = False
    inputs = [x, self.layer.weight, self.layer.bias]

    def forward():
      self.y = self.call(x)

    return forward, lambda: paddle.grad(
      self.y, inputs, grad_outputs=dy, retain_graph=True
    )

  def infer(self, x):
    self.layer.eval()
    with paddle.no_grad():
      y = self.call(self.cast(x))
    self.note(inferred=y)
    return channels_last(as_numpy(y))

  def tensors(self):
    layer = self.layer
    return {
      'gamma': layer.weight, 'beta': layer.bias,
      'mean': layer._mean, 'var': layer._variance,
    }  # fmt: skip

  def read(self):
    return {name: as_numpy(tensor) for name, tensor in self.tensors().items()}

  def assign(self, **values):
    for name, value in values.items():
      self.tensors()[name].set_value(np.asarray(value, np.float32))

  @classmethod
  def over_devices(cls, parts, dys, groups=None, masks=None, **options):
    if groups is not None or masks is not None:
      return super().over_devices(parts, dys, groups, masks, **options)
    layer = paddle.nn.SyncBatchNorm(parts[0].shape[-1])
    layer(paddle.to_tensor(np.asarray(parts[0], np.float32)))  # raises on the CPU
    return super().over_devices(parts, dys)


def as_numpy(tensor):
  return tensor.astype('float32').numpy().astype(np.float64)
