"""Keras 3: keras.layers.BatchNormalization, on the back end of $KERAS_BACKEND."""

import importlib

import keras
import numpy as np

from conformance.adapters.base import Layer as Base
from conformance.adapters.base import NotOffered

if keras.backend.backend() == 'tensorflow':
  from conformance.adapters import mirrored


class Layer(Base):
  MODES = ('eager', 'compiled')
  NAMES = {'epsilon': 'epsilon', 'decay': 'momentum'}
  extra = {}

  def build(self):
    self.layer = keras.layers.BatchNormalization(
      **self.named(self.options), **self.extra, dtype=self.policy()
    )
    self.layer.build(self.shape)
    backend = keras.backend.backend()
    module = importlib.import_module('conformance.adapters.keras_' + backend)
    self.gradients = module.Gradients(self.layer, self.mode)

  def policy(self):
    """Low precision as Keras's own policy of mixed precision has it."""
    return 'float32' if self.dtype == 'float32' else 'mixed_' + self.dtype

  def cast(self, x):
    x = keras.ops.convert_to_tensor(np.asarray(x, np.float32))
    return keras.ops.cast(x, self.dtype)

  def forward(self, x, mask=None):
    mask = None if mask is None else keras.ops.convert_to_tensor(mask)
    y = self.gradients.forward(self.cast(x), mask)
    self.note(y=y, **self.variables())
    return as_numpy(y)

  def backward(self, dy):
    dx, gamma, beta = self.gradients.backward(self.cast(dy))
    return as_numpy(dx), as_numpy(gamma), as_numpy(beta)

  def timed(self, x, dy):
    x, dy = self.cast(x), self.cast(dy)
    getattr(self.gradients, 'repeat', lambda: None)()
    wait = getattr(self.gradients, 'wait', lambda value: value)
    return (
      lambda: wait(self.gradients.forward(x, None)),
      lambda: wait(self.gradients.backward(dy)),
    )

  def infer(self, x):
    y = self.gradients.infer(self.cast(x))
    self.note(inferred=y)
    return as_numpy(y)

  def variables(self):
    layer = self.layer
    return {
      'gamma': layer.gamma, 'beta': layer.beta,
      'mean': layer.moving_mean, 'var': layer.moving_variance,
    }  # fmt: skip

  def read(self):
    return {name: as_numpy(value) for name, value in self.variables().items()}

  def assign(self, **values):
    for name, value in values.items():
      self.variables()[name].assign(value)

  def forgotten(self):
    return self.gradients.forgotten()

  @classmethod
  def over_devices(cls, parts, dys, groups=None, masks=None, **options):
    if keras.backend.backend() != 'tensorflow':
      cls.synchronized(parts)
    if groups is not None or masks is not None:
      raise NotOffered('no groups; a mask is for examples of a sequence')
    named = cls.named(options)
    make = lambda: keras.layers.BatchNormalization(**named, synchronized=True)
    return mirrored.step(make, parts, dys)

  @classmethod
  def synchronized(cls, parts):
    """Raises Keras's own refusal."""
    keras.layers.BatchNormalization(synchronized=True)


def as_numpy(value):
  value = keras.ops.cast(value, 'float32')
  return keras.ops.convert_to_numpy(value).astype(np.float64)
