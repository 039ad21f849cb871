"""Algorithm 2's statistics, as a moving average has them: which, when, how fast."""

import numpy as np

from conformance import reference
from conformance.probes import attempt, normal

STEPS = 1000


def batch(mean, deviation, shape=(4, 3)):
  """Values of exactly this mean and biased deviation in each feature."""
  x = normal(shape, int(10 * mean))
  rows = x.reshape(-1, shape[-1])
  return mean + deviation * ((rows - rows.mean(0)) / rows.std(0)).reshape(shape)


def moving_average(layer_of):
  """Mean and variance after 0, 1, 2 and 1,000 steps, and what they were made of."""
  first, second = batch(5, 2), batch(9, 3)
  layer = layer_of(first.shape)
  steps = {0: _stored(layer)}
  step = lambda x: (layer.forward(x), attempt(lambda: layer.backward(np.ones(x.shape))))
  step(first)
  steps[1] = _stored(layer)
  step(second)
  steps[2] = _stored(layer)
  for _ in range(STEPS - 2):
    step(first)
  steps[STEPS] = _stored(layer)
  conv = layer_of((4, 2, 3, 3), decay=0.5)
  conv.assign(mean=np.zeros(3), var=np.zeros(3))
  conv.forward(batch(0, 2, (4, 2, 3, 3)))
  attempt(lambda: conv.backward(np.ones((4, 2, 3, 3))))
  return {
    'm': len(first), 'batches': [[5, 4], [9, 9]], 'steps': steps,
    'conv_m': 24, 'conv_var': float(conv.read()['var'].mean() / 0.5 / 4),
  }  # fmt: skip


def _stored(layer):
  stored = layer.read()
  return [float(stored['mean'].mean()), float(stored['var'].mean())]


def updates(layer_of):
  """Which calls move the statistics, and whether an update can get lost."""
  x = batch(5, 2)
  layer = layer_of(x.shape)
  seen, calls = {}, (
    ('inference', lambda: layer.infer(x)), ('forward', lambda: layer.forward(x)),
    ('backward', lambda: layer.backward(np.ones(x.shape))),
  )  # fmt: skip
  for name, call in calls:
    before = layer.read()
    attempt(call)
    after = layer.read()
    seen[name] = any(not np.array_equal(before[n], after[n]) for n in ('mean', 'var'))
  return {**seen, 'forgotten': attempt(layer_of(x.shape).forgotten)}


def weight_of_new(layer_of):
  """What setting `decay` to 0.7 does: the share of the new value."""
  layer = layer_of((4, 3), decay=0.7)
  layer.assign(mean=np.zeros(3), var=np.ones(3))
  layer.forward(batch(5, 2))
  attempt(lambda: layer.backward(np.ones((4, 3))))
  return {'share': float(layer.read()['mean'].mean() / 5)}


def one_value(layer_of):
  """m = 1, for which the paper has no variance, and m = 2."""
  return {m: attempt(lambda m=m: _few(layer_of, m)) for m in (1, 2)}


def _few(layer_of, m):
  x = np.array([[1.0], [3.0]])[:m] * np.ones((m, 3))
  layer = layer_of(x.shape, decay=0.5)
  layer.assign(mean=np.zeros(3), var=np.ones(3))
  y = layer.forward(x)
  attempt(lambda: layer.backward(np.ones(x.shape)))
  return {'y': y[:, 0], 'var': float(layer.read()['var'][0])}


def not_a_number(layer_of):
  """One NaN in one example: how much of y and of what is stored it takes."""
  x = normal((16, 4), 1)
  x[3, 2] = np.nan
  layer = layer_of(x.shape)
  y = layer.forward(x)
  attempt(lambda: layer.backward(np.ones(x.shape)))
  stored = layer.read()
  afterwards = layer.infer(normal((16, 4), 2))
  return {
    'y_by_feature': np.isnan(y).mean(0), 'mean': np.isnan(stored['mean']),
    'var': np.isnan(stored['var']), 'inference': np.isnan(afterwards).mean(0),
  }  # fmt: skip


def masks(layer_of):
  """A mask of examples, or of the positions of a sequence; an empty one."""
  layer_of = lambda shape, of=layer_of: of(shape, epsilon=1e-3)
  x = normal((8, 5, 1, 4), 1, 3.0, 2.0)
  mask = np.arange(40).reshape(8, 5, 1) % 3 > 0
  counted = x[mask]

  def partly():
    y = layer_of(x.shape).forward(x, mask=mask)
    truth = reference.forward(counted, 1.0, 0.0, 1e-3)
    return {'error': reference.error(y[mask], truth)}

  def empty():
    layer = layer_of(x.shape)
    y = layer.forward(x, mask=np.zeros_like(mask))
    stored = layer.read()
    return {
      'y_nan': float(np.isnan(y).mean()),
      'stored': [float(stored[name].mean()) for name in ('mean', 'var')],
    }

  return {'partly': attempt(partly), 'empty': attempt(empty)}
