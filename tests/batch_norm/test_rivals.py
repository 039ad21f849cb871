"""The layer beside those of Flax and PyTorch, where their definitions agree."""

import functools

import flax.linen as nn
import jax
import numpy as np
import pytest

from batch_norm.test_transform import assert_close
from bn_repro.batch_norm.layer import BatchNorm

DECAY, EPSILON = 0.9, 1e-3
FLAX_NAMES = {'scale': 'gamma', 'bias': 'beta'}


def make_problem(shape, per_activation=False):
  """x and dy of three steps, and the variables of `BatchNorm`."""
  rng = np.random.default_rng(0)
  features = shape[1:] if per_activation else shape[-1:]
  gamma, beta = rng.normal(1, 0.5, (2, *features))
  stats = {'mean': np.zeros(features), 'var': np.ones(features)}
  variables = {'params': {'gamma': gamma, 'beta': beta}, 'batch_stats': stats}
  return rng.normal(3, 2, (3, *shape)), rng.normal(size=(3, *shape)), variables


@functools.partial(jax.jit, static_argnums=0)
def step(apply, variables, x, dy):
  """Output, new statistics, and the gradients by x and by the parameters."""

  def call(x, params):
    y, new = apply({**variables, 'params': params}, x, mutable=['batch_stats'])
    return y, new['batch_stats']

  y, gradient, stats = jax.vjp(call, x, variables['params'], has_aux=True)
  return y, stats, *gradient(dy)


@pytest.mark.slow
@pytest.mark.parametrize('masked', [False, True], ids=['all', 'masked'])
@pytest.mark.parametrize(
  'shape, per_activation',
  [((12, 5), False), ((6, 2, 4, 3), False), ((6, 2, 4, 3), True)],
  ids=['fully_connected', 'per_feature_map', 'per_activation'],
)
def test_flax(float64, shape, per_activation, masked):
  """All is the same but the running variance, which Flax leaves biased."""
  (x, *_), (dy, *_), variables = make_problem(shape, per_activation)
  mask = np.arange(len(x)) % 3 > 0 if masked else np.full(len(x), True)
  m = int(mask.sum()) * (1 if per_activation else x[0, ..., 0].size)
  ours = BatchNorm(DECAY, EPSILON, per_activation=per_activation)
  ours = functools.partial(ours.apply, train=True, mask=mask if masked else None)
  of_x = np.broadcast_to(mask.reshape(-1, *[1] * (x.ndim - 1)), x.shape)
  axis = (1, 2, 3) if per_activation else -1
  theirs = nn.BatchNorm(False, axis, DECAY, EPSILON, use_fast_variance=False)
  theirs = functools.partial(theirs.apply, mask=of_x if masked else None)
  params = {of: variables['params'][name] for of, name in FLAX_NAMES.items()}
  # Flax broadcasts and promotes where this suite forbids it.
  with jax.numpy_dtype_promotion('standard'), jax.numpy_rank_promotion('allow'):
    y, stats, d_x, d_params = step(theirs, {**variables, 'params': params}, x, dy)
  biased = (stats['var'] - DECAY) / (1 - DECAY)
  stats = {'mean': stats['mean'], 'var': DECAY + (1 - DECAY) * biased * (m / (m - 1))}
  d_params = {FLAX_NAMES[of]: gradient for of, gradient in d_params.items()}
  assert_close(step(ours, variables, x, dy), (y, stats, d_x, d_params))


@pytest.mark.parametrize('shape', [(12, 5), (6, 2, 4, 3)], ids=['1d', '2d'])
def test_pytorch(float64, shape):
  """Three steps of training, and then inference; its momentum is 1 - decay."""
  torch = pytest.importorskip(
    'torch', reason='PyTorch is absent: pip install -e .[benchmark]'
  )
  xs, dys, variables = make_problem(shape)
  kind = torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d
  theirs = kind(shape[-1], EPSILON, 1 - DECAY, dtype=torch.float64)
  ours = BatchNorm(DECAY, EPSILON)
  apply = functools.partial(ours.apply, train=True)
  to_torch = lambda a: torch.tensor(np.moveaxis(a, -1, 1))
  back = lambda a: np.moveaxis(a.detach().numpy(), 1, -1)
  with torch.no_grad():
    theirs.weight.copy_(torch.tensor(variables['params']['gamma']))
    theirs.bias.copy_(torch.tensor(variables['params']['beta']))
  for x, dy in zip(xs, dys):
    theirs.zero_grad()
    x_there = to_torch(x).requires_grad_()
    y = theirs(x_there)
    y.backward(to_torch(dy))
    stats = {'mean': theirs.running_mean.numpy(), 'var': theirs.running_var.numpy()}
    d_params = {'gamma': theirs.weight.grad.numpy(), 'beta': theirs.bias.grad.numpy()}
    got = step(apply, variables, x, dy)
    assert_close(got, (back(y), stats, back(x_there.grad), d_params))
    variables = {**variables, 'batch_stats': got[1]}
  expected = back(theirs.eval()(to_torch(xs[0])))
  assert_close(ours.apply(variables, xs[0], train=False), expected)
