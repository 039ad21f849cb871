"""The ONNX operator BatchNormalization, opset 15: what ONNX Runtime and OpenVINO run.

The operator keeps nothing: its statistics are inputs, and outputs in training_mode.
Since opset 15 they may be of another dtype than the inputs.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper

from conformance.adapters.base import Layer as Base
from conformance.adapters.base import channels_first, channels_last

NAMES = ('gamma', 'beta', 'mean', 'var')
KINDS = {'float32': TensorProto.FLOAT, 'float16': TensorProto.FLOAT16}


def model(shape, dtype, stored, attributes, train):
  """The bytes of a model of one node with these attributes; `stored` is a dtype."""
  shape = ['n', shape[-1], *shape[1:-1]]
  value = lambda name, dtype, shape: helper.make_tensor_value_info(
    name, KINDS[dtype], shape
  )
  vectors = [value(n, dtype, [shape[1]]) for n in ('gamma', 'beta')]
  vectors += [value(n, stored, [shape[1]]) for n in ('mean', 'var')]
  x, y = (value(name, dtype, shape) for name in 'xy')
  outputs = ['y', 'new_mean', 'new_var'] if train else ['y']
  node = helper.make_node(
    'BatchNormalization', ['x', *NAMES], outputs, training_mode=int(train), **attributes
  )
  new = [value(name, stored, [shape[1]]) for name in outputs[1:]]
  graph = helper.make_graph([node], 'bn', [x, *vectors], [y, *new])
  opset = helper.make_opsetid('', 15)
  made = helper.make_model(graph, opset_imports=[opset], ir_version=8)
  onnx.checker.check_model(made)
  return made.SerializeToString()


class Layer(Base):
  """Subclasses have `load`, which makes of a model a function of a dict of arrays.

  Attributes:
    STORES_WIDER: whether it runs a model of 16 bits whose statistics are float32.
  """

  STORES_WIDER = True
  DTYPES = ('float32', 'float16')
  NAMES = {'epsilon': 'epsilon', 'decay': 'momentum'}

  def build(self):
    features = self.shape[-1]
    self.stored = stored = 'float32' if self.STORES_WIDER else self.dtype
    kinds = {'gamma': self.dtype, 'beta': self.dtype, 'mean': stored, 'var': stored}
    start = {'gamma': 1, 'beta': 0, 'mean': 0, 'var': 1}
    self.values = {n: np.full(features, v, kinds[n]) for n, v in start.items()}
    self.run = {}

  def of_mode(self, train):
    if train not in self.run:
      options = self.named(self.options)
      made = model(self.shape, self.dtype, self.stored, options, train)
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
      self.values[name] = np.asarray(value, self.values[name].dtype)

  def forgotten(self):
    return 'the caller drops the returned statistics: no error, they stay'
