"""Trains a layer, and goes on with one that another implementation has trained."""

import numpy as np

from conformance.probes import attempt, normal

EPSILON, DECAY, STEPS, M = 1e-3, 0.9, 20, 16
TEST = normal((32, 4), 900, 1.0, 3.0)
NEXT = normal((M, 4), 901, 2.0, 2.0)


def trained(layer_of):
  """Parameters and statistics after some steps, and what inference makes of them.

  Also the statistics after one more step, for those who go on training elsewhere.
  """
  layer = layer_of((M, 4), epsilon=EPSILON, decay=DECAY)
  layer.assign(gamma=normal(4, 902, 1.0, 0.3), beta=normal(4, 903))
  for step in range(STEPS):
    _step(layer, normal((M, 4), step, 2.0, 2.0))
  values = layer.read()
  outputs = layer.infer(TEST)
  _step(layer, NEXT)
  after = layer.read()
  return {**values, 'outputs': outputs, 'next': [after['mean'], after['var']]}


def _step(layer, x):
  layer.forward(x)
  attempt(lambda: layer.backward(np.ones(x.shape)))


def carried(layer_of, others):
  """The largest difference of outputs with what each of the `others` has trained.

  Also the largest difference of mean and variance after one more step in both, with
  the variances as they are, times m / (m - 1), and divided by it.
  """
  return {
    name: attempt(lambda values=values: _carry(layer_of, values))
    for name, values in others.items()
  }


def _carry(layer_of, values):
  arrays = {n: np.asarray(values[n]) for n in ('gamma', 'beta', 'mean', 'var')}
  layer = layer_of((M, 4), epsilon=EPSILON, decay=DECAY)
  layer.assign(**arrays)
  outputs = np.abs(layer.infer(TEST) - values['outputs']).max()
  differences, factor = {}, M / (M - 1)
  for name, scale in (('as it is', 1), ('times', factor), ('divided', 1 / factor)):
    layer = layer_of((M, 4), epsilon=EPSILON, decay=DECAY)
    layer.assign(**dict(arrays, var=arrays['var'] * scale))
    _step(layer, NEXT)
    mean, var = (layer.read()[n] for n in ('mean', 'var'))
    true_mean, true_var = map(np.asarray, values['next'])
    difference = np.abs(mean - true_mean).max(), np.abs(var / scale - true_var).max()
    differences[name] = float(max(difference))
  return {'outputs': float(outputs), 'next_step': differences}
