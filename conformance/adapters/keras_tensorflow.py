"""Gradients of a Keras layer on TensorFlow."""

import tensorflow as tf


class Gradients:
  def __init__(self, layer, mode):
    self.layer = layer
    self.compiled = mode == 'compiled'
    wrap = tf.function(jit_compile=True) if self.compiled else lambda f: f
    self.call = wrap(lambda x, mask: layer(x, training=True, mask=mask))
    self.evaluate = wrap(lambda x: layer(x, training=False))

  def forward(self, x, mask):
    self.x = x
    with tf.GradientTape(persistent=True) as self.tape:
      self.tape.watch(x)
      self.y = self.call(x, mask)
    return self.y

  def backward(self, dy):
    inputs = [self.x, self.weight('gamma'), self.weight('beta')]
    return self.tape.gradient(self.y, inputs, dy)

  def weight(self, name):
    variable = getattr(self.layer, name)
    return getattr(variable, 'value', variable)

  def infer(self, x):
    return self.evaluate(x)

  def forgotten(self):
    return 'cannot happen: the layer updates itself, in tf.function too'
