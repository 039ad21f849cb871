"""TensorFlow's own: tf.compat.v1.nn.fused_batch_norm, which keeps the statistics.

Its gamma and beta have no defaults. exponential_avg_factor weighs the new value; its
default, 1, keeps the last mini-batch alone.
"""

import numpy as np
import tensorflow as tf

from conformance.adapters.base import Layer as Base


class Layer(Base):
  MODES = ('eager', 'compiled')
  NAMES = {'epsilon': 'epsilon', 'decay': 'exponential_avg_factor = 1 - '}

  def build(self):
    features = self.shape[-1]
    self.values = {
      'gamma': tf.ones(features), 'beta': tf.zeros(features),
      'mean': tf.zeros(features), 'var': tf.ones(features),
    }  # fmt: skip
    options = self.named({'epsilon': self.options['epsilon']})
    factor = self.named({'decay': self.options['decay']})
    call = tf.compat.v1.nn.fused_batch_norm

    def train(x, gamma, beta, mean, var):
      return call(x, gamma, beta, mean, var, is_training=True, **factor, **options)

    def infer(x, gamma, beta, mean, var):
      return call(x, gamma, beta, mean, var, is_training=False, **options)[0]

    wrap = tf.function(jit_compile=True) if self.mode == 'compiled' else lambda f: f
    self.call, self.evaluate = wrap(train), wrap(infer)

  def cast(self, x):
    x = np.asarray(x, np.float32)
    x = tf.constant(x.reshape(x.shape[0], -1, 1, x.shape[-1]))
    return tf.cast(x, self.dtype)

  def forward(self, x, mask=None):
    if mask is not None:
      return super().forward(x, mask)
    self.x, values = self.cast(x), self.values
    with tf.GradientTape(persistent=True) as self.tape:
      self.tape.watch([self.x, values['gamma'], values['beta']])
      self.inputs = [self.x, values['gamma'], values['beta']]
      self.y, mean, var = self.call(*self.inputs, values['mean'], values['var'])
    self.values = values | {'mean': mean, 'var': var}
    self.note(y=self.y, **self.values)
    return self.as_numpy(self.y)

  def backward(self, dy):
    dx, gamma, beta = self.tape.gradient(self.y, self.inputs, self.cast(dy))
    return self.as_numpy(dx), gamma.numpy(), beta.numpy()

  def timed(self, x, dy):
    self.forward(x)  # makes the tape's inputs
    x, dy, values = self.cast(x), self.cast(dy), self.values

    def forward():
      with tf.GradientTape(persistent=True) as self.tape:
        self.inputs = [x, values['gamma'], values['beta']]
        self.tape.watch(self.inputs)
        self.y = self.call(*self.inputs, values['mean'], values['var'])[0]

    return forward, lambda: self.tape.gradient(self.y, self.inputs, dy)

  def infer(self, x):
    y = self.evaluate(self.cast(x), *self.values.values())
    self.note(inferred=y)
    return self.as_numpy(y)

  def as_numpy(self, value):
    value = tf.cast(value, tf.float32).numpy().astype(np.float64)
    shape = self.shape[1:]
    return value.reshape(value.shape[0], *shape)

  def read(self):
    return {n: v.numpy().astype(np.float64) for n, v in self.values.items()}

  def assign(self, **values):
    for name, value in values.items():
      self.values[name] = tf.constant(value, tf.float32)

  def forgotten(self):
    return 'the caller drops the returned statistics: no error, they stay'
