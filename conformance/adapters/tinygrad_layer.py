"""tinygrad: tinygrad.nn.BatchNorm, eager and in TinyJit.

tinygrad starts $CC, which must be a clang, for every kernel: here that of the package
ziglang, since many machines have none.
"""

import os
from pathlib import Path

import numpy as np
import ziglang

from conformance.adapters.base import Layer as Base
from conformance.adapters.base import channels_first, channels_last


def clang():
  """A program that is clang: `zig clang` takes its options as they are."""
  path = Path(ziglang.__file__).with_name('clang')
  if not path.exists():
    path.write_text('#!/bin/sh\nexec "${0%/*}/zig" clang "$@"\n')
    path.chmod(0o755)
  return str(path)


os.environ['CC'] = clang()

from tinygrad import Device, Tensor, TinyJit, dtypes, nn  # noqa: E402  takes CC
from tinygrad.helpers import Context  # noqa: E402


class Layer(Base):
  MODES = ('eager', 'compiled')
  NAMES = {'epsilon': 'eps', 'decay': 'momentum = 1 - '}

  def build(self):
    make = lambda **options: nn.BatchNorm(
      self.shape[-1], **self.named(self.options), **options
    )
    self.layer, self.untracked = make(), make(track_running_stats=False)
    Tensor.realize(*self.tensors().values(), self.layer.num_batches_tracked)
    self.untracked.weight, self.untracked.bias = self.layer.weight, self.layer.bias
    self.wrap = TinyJit if self.mode == 'compiled' else lambda function: function
    self.train, self.gradients = self.wrap(self.train), self.wrap(self.gradients)
    self.writes, self.arrays = {}, {}

  def tensor(self, name, value):
    """Of the array's own memory, which lives until the next one of the name."""
    self.arrays[name] = value = np.ascontiguousarray(value, np.float32)
    return Tensor.from_blob(
      value.ctypes.data, value.shape, dtype=dtypes.float32, device='CPU'
    )

  def cast(self, name, x):
    x = self.tensor(name, channels_first(np.asarray(x)))
    return x.cast(getattr(dtypes, self.dtype)).realize()

  def train(self, x):
    with Context(TRAINING=1):
      y = self.layer(x)
    # One that is realized would have no gradient: zeros, and no error.
    shown, stored = y.contiguous(), self.tensors()
    Tensor.realize(shown, stored['mean'], stored['var'])
    self.y = y
    return shown

  def gradients(self, x, dy):
    """In TinyJit the forward pass runs again, and must not count twice."""
    if self.mode == 'compiled':
      with Context(TRAINING=1):
        self.y = self.untracked(x)
    inputs = x, self.layer.weight, self.layer.bias
    grads = [g.contiguous() for g in self.y.gradient(*inputs, gradient=dy)]
    Tensor.realize(*grads)
    return grads

  def forward(self, x, mask=None):
    if mask is not None:
      return super().forward(x, mask)
    self.x = self.cast('x', x)
    y = self.train(self.x)
    for name, tensor in (('y', y), *self.tensors().items()):
      self.dtypes[name] = tensor.dtype.name
    return channels_last(as_numpy(y))

  def backward(self, dy):
    dx, gamma, beta = map(as_numpy, self.gradients(self.x, self.cast('dy', dy)))
    return channels_last(dx), gamma, beta

  def infer(self, x):
    with Context(TRAINING=0):
      y = self.layer(self.cast('inferred', x)).realize()
    return channels_last(as_numpy(y))

  def tensors(self):
    layer = self.layer
    return {
      'gamma': layer.weight, 'beta': layer.bias,
      'mean': layer.running_mean, 'var': layer.running_var,
    }  # fmt: skip

  def read(self):
    return {name: as_numpy(tensor) for name, tensor in self.tensors().items()}

  def assign(self, **values):
    names = tuple(values)
    write = self.wrap(lambda *new: self.write(names, new))
    self.writes.setdefault(names, write)(
      *(self.tensor(name, value) for name, value in values.items())
    )
    Device['CPU'].synchronize()

  def write(self, names, new):
    tensors = self.tensors()
    Tensor.realize(*(tensors[name].assign(one) for name, one in zip(names, new)))


def as_numpy(tensor):
  return tensor.cast(dtypes.float32).numpy().astype(np.float64)
