"""TF-Slim: tf_slim.batch_norm, the code of the paper's group, on TensorFlow 2.12."""

import numpy as np
import tensorflow.compat.v1 as tf
import tf_slim as slim

from conformance.adapters.base import Layer as Base
from conformance.adapters.base import NotOffered

tf.disable_eager_execution()


class Layer(Base):
  NAMES = {'epsilon': 'epsilon', 'decay': 'decay'}
  VARIABLES = {
    'gamma': 'gamma', 'beta': 'beta', 'mean': 'moving_mean', 'var': 'moving_variance',
  }  # fmt: skip

  def build(self):
    options = self.named(self.options)
    options['scale'] = True  # there is no gamma otherwise
    self.graph = tf.Graph()
    with self.graph.as_default():
      shape = (None, *self.shape[1:])
      self.x, self.dy = (tf.placeholder(self.dtype, shape) for _ in range(2))
      call = lambda train, reuse: slim.batch_norm(
        self.x, is_training=train, scope='bn', reuse=reuse, **options
      )
      self.y, self.evaluated = call(True, None), call(False, True)
      self.variables = {v.name: v for v in tf.global_variables()}
      inputs = [self.x, *(self.variable(name) for name in ('gamma', 'beta'))]
      self.gradients = tf.gradients(self.y, inputs, self.dy)
      self.updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
      self.session = tf.Session()
      self.session.run(tf.global_variables_initializer())

  def variable(self, name):
    return self.variables[f'bn/{self.VARIABLES[name]}:0']

  def cast(self, x):
    return np.asarray(x, self.x.dtype.as_numpy_dtype)

  def forward(self, x, mask=None):
    if mask is not None:
      raise NotOffered('batch_weights weighs whole examples')
    self.fed = self.cast(x)
    y, _ = self.session.run([self.y, self.updates], {self.x: self.fed})
    names = {n: self.variable(n).dtype.base_dtype.name for n in self.VARIABLES}
    self.dtypes |= {'y': y.dtype.name, **names}
    return y.astype(np.float64)

  def backward(self, dy):
    feed = {self.x: self.fed, self.dy: self.cast(dy)}
    return tuple(
      value.astype(np.float64) for value in self.session.run(self.gradients, feed)
    )

  def infer(self, x):
    y = self.session.run(self.evaluated, {self.x: self.cast(x)})
    return y.astype(np.float64)

  def read(self):
    variables = {name: self.variable(name) for name in self.VARIABLES}
    return {n: v.astype(np.float64) for n, v in self.session.run(variables).items()}

  def assign(self, **values):
    for name, value in values.items():
      self.variable(name).load(value, self.session)

  def forgotten(self):
    before = self.read()['mean']
    x = np.arange(12.0).reshape(4, *self.shape[1:])
    self.session.run(self.y, {self.x: self.cast(x)})
    stays = np.array_equal(before, self.read()['mean'])
    dropped = 'without UPDATE_OPS in the step: no error, the statistics stay'
    return dropped if stays else 'kept'
