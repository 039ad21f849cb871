"""Algorithm 1, its gradients, and what the layer is when nothing is set."""

import numpy as np

from conformance import reference
from conformance.probes import attempt, normal

SHAPES = {'dense': (60, 10), 'conv': (8, 5, 6, 10)}


def algorithm_1(layer_of):
  """Forward and backward against float64, on a first and on a later call."""
  return {
    name: attempt(lambda shape=shape: _against_reference(layer_of, shape))
    for name, shape in SHAPES.items()
  }


def _against_reference(layer_of, shape):
  epsilon = 1e-3
  layer = layer_of(shape, epsilon=epsilon)
  gamma, beta = normal(shape[-1], 1, 1.0, 0.3), normal(shape[-1], 2)
  layer.assign(gamma=gamma, beta=beta)
  errors = {}
  for call, seed in (('first', 3), ('later', 4)):
    # The second mini-batch lies elsewhere: a layer that normalizes with more than its
    # mini-batch shows it.
    x, dy = normal(shape, seed, seed - 2.0, seed - 1.0), normal(shape, 5)
    y = layer.forward(x)
    errors[f'{call}_y'] = reference.error(y, reference.forward(x, gamma, beta, epsilon))
    gradients = attempt(lambda dy=dy: layer.backward(dy))
    if isinstance(gradients, dict):
      errors['gradients'] = gradients
      continue
    truth = reference.backward(x, dy, gamma, epsilon)
    for name, value, true in zip(('dx', 'dgamma', 'dbeta'), gradients, truth):
      errors[f'{call}_{name}'] = reference.error(value, true)
  return errors


def defaults(layer_of):
  """Epsilon as the output shows it, at two variances; gamma and beta at the start."""
  measured = {}
  for deviation in (0.003, 0.1):
    x = deviation * np.tile([[-1.0], [1.0]], (30, 3))
    y = layer_of(x.shape).forward(x)
    slope = np.abs(y).mean() / deviation
    measured[deviation] = 1 / slope**2 - deviation**2
  start = layer_of((4, 3)).read()
  parameters = {name: float(start[name].mean()) for name in ('gamma', 'beta')}
  return {'epsilon': measured, **parameters}


def inference(layer_of):
  """Whether it is one affine map, and each example's output its own, to the bit."""
  layer = layer_of((64, 10), epsilon=1e-3)
  mean, var = normal(10, 1, 2.0), 0.5 + np.abs(normal(10, 2))
  gamma, beta = normal(10, 3, 1.0, 0.2), normal(10, 4)
  layer.assign(mean=mean, var=var, gamma=gamma, beta=beta)
  x = normal((64, 10), 5, 2.0)
  y = layer.infer(x)
  alone = {
    size: attempt(lambda size=size: bool((layer.infer(x[:size]) == y[:size]).all()))
    for size in (1, 2, 7, 33)
  }
  stored = layer.read()
  kept = bool(np.allclose(stored['mean'], mean) and np.allclose(stored['var'], var))
  truth = reference.infer(x, gamma, beta, mean, var, 1e-3)
  return {'error': reference.error(y, truth), 'to_the_bit': alone, 'keeps': kept}


def per_activation(layer_of):
  """A mean and a variance for each activation (section 4.2.3)."""
  x = normal((16, 2, 3, 4), 1, 1.0, 2.0)
  flat = x.reshape(16, -1)

  def error():
    y = layer_of(x.shape).per_activation(x.astype(np.float32))
    epsilons = (1e-5, 1e-3, 2e-5)
    truths = [reference.forward(flat, 1.0, 0.0, epsilon) for epsilon in epsilons]
    return min(reference.error(y.reshape(flat.shape), truth) for truth in truths)

  return {'error_of_y': attempt(error)}
