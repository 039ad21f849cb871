"""The ONNX operator BatchNormalization, opset 15: what ONNX Runtime and OpenVINO run.

The operator keeps nothing: its statistics are inputs, and outputs in training_mode.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper

from conformance.adapters.base import Layer as Base
from conformance.adapters.base import channels_first, channels_last

NAMES = ('gamma', 'beta', 'mean', 'var')


def model(shape, dtype, attributes, train):
  """The bytes of a model of one node with these attributes."""
  kind = {'float32': TensorProto.FLOAT, 'float16': TensorProto.FLOAT16}[dtype]
  shape = ['n', shape[-1], *shape[1:-1]]
  vectors = [helper.make_tensor_value_info(n, kind, [shape[1]]) for n in NAMES]
  x, y = (helper.make_tensor_value_info(name, kind, shape) for name in 'xy')
  outputs = ['y', 'new_mean', 'new_var'] if train else ['y']
  node = helper.make_node(
    'BatchNormalization', ['x', *NAMES], outputs, training_mode=int(train), **attributes
  )
  new = [helper.make_tensor_value_info(name, kind, [shape[1]]) for name in outputs[1:]]
  graph = helper.make_graph([node], 'bn', [x, *vectors], [y, *new])
  opset = helper.make_opsetid('', 15)
  made = helper.make_model(graph, opset_imports=[opset], ir_version=8)
  onnx.checker.check_model(made)
  return made.SerializeToString()


class Layer(Base):
  """Subclasses have `load`, which makes of a model a function of a dict of arrays."""

  DTYPES = ('float32', 'float16')
  NAMES = {'epsilon': 'epsilon', 'decay': 'momentum'}

  def build(self):
    features = self.shape[-1]
    start = {'gamma': 1, 'beta': 0, 'mean': 0, 'var': 1}
    self.values = {n: np.full(features, v, self.dtype) for n, v in start.items()}
    self.run = {}

  def of_mode(self, train):
    if train not in self.run:
      made = model(self.shape, self.dtype, self.named(self.options), train)
      self.run[train] = self.load(made)
    return self.run[train]

  def cast(self, x):
    return np.ascontiguousarray(channels_first(np.asarray(x))).astype(self.dtype)

  def forward(self, x, mask=None):
    if mask is not None:
      return super().forward(x, mask)
    y, mean, var = self.of_mode(True)({'x': self.cast(x), **self.values})
    self.values |= {'mean': mean.copy(), 'var': var.copy()}
    self.note(y=y, **self.values)
    return channels_last(y.astype(np.float64))

  def infer(self, x):
    (y,) = self.of_mode(False)({'x': self.cast(x), **self.values})
    self.note(inferred=y)
    return channels_last(y.astype(np.float64))

  def read(self):
    return {name: value.astype(np.float64) for name, value in self.values.items()}

  def assign(self, **values):
    for name, value in values.items():
      self.values[name] = np.asarray(value, self.dtype)

  def forgotten(self):
    return 'the caller drops the returned statistics: no error, they stay'
