"""MLX: mlx.nn.BatchNorm, on its CPU back end."""

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from conformance.adapters.base import Layer as Base


class Layer(Base):
  MODES = ('eager', 'compiled')
  NAMES = {'epsilon': 'eps', 'decay': 'momentum = 1 - '}

  def build(self):
    self.layer = nn.BatchNorm(self.shape[-1], **self.named(self.options))
    wrap = mx.compile if self.mode == 'compiled' else lambda f: f
    self.call, self.evaluate = wrap(self._train), wrap(self._infer)

  def _train(self, weight, bias, x, mean, var):
    """y and the new statistics; the layer is left as it was."""
    layer = self.layer.train()
    layer.update({'weight': weight, 'bias': bias})
    layer.running_mean, layer.running_var = mean, var
    y = layer(x)
    return y, layer.running_mean, layer.running_var

  def _infer(self, weight, bias, x, mean, var):
    layer = self.layer.eval()
    layer.update({'weight': weight, 'bias': bias})
    layer.running_mean, layer.running_var = mean, var
    return layer(x)

  def cast(self, x):
    return mx.array(np.asarray(x, np.float32)).astype(getattr(mx, self.dtype))

  def values(self):
    layer = self.layer
    return {
      'gamma': layer.weight, 'beta': layer.bias,
      'mean': layer.running_mean, 'var': layer.running_var,
    }  # fmt: skip

  def forward(self, x, mask=None):
    if mask is not None:
      return super().forward(x, mask)
    gamma, beta, *self.before = self.values().values()
    self.inputs = [gamma, beta, self.cast(x)]
    y, mean, var = self.call(*self.inputs, *self.before)
    self._keep(gamma, beta, mean, var)
    self.note(y=y, **self.values())
    return as_numpy(y)

  def _keep(self, gamma, beta, mean, var):
    mx.eval(gamma, beta, mean, var)
    self.layer.update({'weight': gamma, 'bias': beta})
    self.layer.running_mean, self.layer.running_var = mean, var

  def backward(self, dy):
    kept = [*self.values().values()]
    call = lambda *inputs: self._train(*inputs, *self.before)[0]
    _, (gamma, beta, dx) = mx.vjp(call, self.inputs, [self.cast(dy)])
    self._keep(*kept)
    return as_numpy(dx), as_numpy(gamma), as_numpy(beta)

  def infer(self, x):
    gamma, beta, *stored = self.values().values()
    y = self.evaluate(gamma, beta, self.cast(x), *stored)
    self._keep(gamma, beta, *stored)
    return as_numpy(y)

  def note(self, **arrays):
    self.dtypes |= {n: str(a.dtype).split('.')[-1] for n, a in arrays.items()}

  def read(self):
    return {name: as_numpy(value) for name, value in self.values().items()}

  def assign(self, **values):
    kept = {**self.values(), **{n: mx.array(np.float32(v)) for n, v in values.items()}}
    self._keep(*kept.values())


def as_numpy(array):
  return np.array(array.astype(mx.float32)).astype(np.float64)
