"""The `BatchNorm` layer: what it normalizes, tracks and refuses, and its claims."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from batch_norm.test_transform import assert_close, mini_batches, reference
from bn_repro.batch_norm.layer import BatchNorm
from bn_repro.batch_norm.transform import batch_normalize

forms = pytest.mark.parametrize(
  'shape, per_activation',
  [((12, 5), False), ((6, 2, 2, 3), False), ((6, 2, 2, 3), True)],
  ids=['fully_connected', 'per_feature_map', 'per_activation'],
)


def values(shape, dtype='f8', seed=0):
  return np.random.default_rng(seed).normal(3, 2, shape).astype(dtype)


def random_variables(layer, x):
  """Parameters and statistics of the layer, none at its initial value."""
  rng = np.random.default_rng(1)
  shapes = jax.eval_shape(
    functools.partial(layer.init, train=False), jax.random.key(0), x
  )
  return jax.tree.map(
    lambda leaf: rng.uniform(0.5, 2, leaf.shape).astype(leaf.dtype), shapes
  )


@functools.partial(jax.jit, static_argnums=0)
def train(layer, variables, x, mask=None):
  """Output and new `batch_stats` of one training step."""
  y, new = layer.apply(variables, x, train=True, mask=mask, mutable=['batch_stats'])
  return y, new['batch_stats']


@functools.partial(jax.jit, static_argnums=0)
def infer(layer, variables, x):
  return layer.apply(variables, x, train=False)


@forms
@pytest.mark.parametrize('masked', [False, True], ids=['all', 'masked'])
def test_layer_is_the_transform_over_batch_and_locations(
  float64, shape, per_activation, masked
):
  """Output, gradient, and the stored variance: m / (m - 1), m over all of them."""
  x, dy = values((2, *shape))
  mask = np.arange(len(x)) % 3 > 0 if masked else None
  layer = BatchNorm(decay=0, per_activation=per_activation)
  variables = random_variables(layer, x)
  params = jax.tree.map(lambda leaf: leaf.astype('f8'), variables['params'])
  features = shape[1:] if per_activation else shape[-1:]
  assert params['gamma'].shape == params['beta'].shape == features
  call = lambda x, params: train(layer, {**variables, 'params': params}, x, mask)
  y, gradient, stats = jax.vjp(call, x, params, has_aux=True)
  d_x, d_params = gradient(dy)

  flat = lambda a: np.reshape(a, (-1, np.prod(features)))
  counts = np.full(shape, True) if mask is None else np.repeat(mask, x[0].size)
  counts = flat(counts)[:, :1]
  gamma, beta = params['gamma'].ravel(), params['beta'].ravel()
  expected = reference(flat(x), gamma, beta, flat(dy), counts)
  assert_close((flat(y), flat(d_x)), (expected.y, expected.d_x))
  assert_close(d_params['gamma'].ravel(), expected.d_gamma)
  assert_close(d_params['beta'].ravel(), expected.d_beta)
  counted = flat(x)[counts[:, 0]]
  assert_close(stats['mean'].ravel(), counted.mean(0))
  assert_close(stats['var'].ravel(), counted.var(0, ddof=1))


def test_statistics_move_by_one_minus_decay():
  """They start at mean 0 and variance 1, which `init` leaves alone."""
  layer, batches = BatchNorm(decay=0.9), mini_batches()[:2]
  variables = layer.init(jax.random.key(0), batches[0], train=True)
  mean, var = np.zeros(3), np.ones(3)
  assert_close(variables['batch_stats'], {'mean': mean, 'var': var}, 0, 0)
  for x in batches:
    _, stats = train(layer, variables, x)
    variables = {**variables, 'batch_stats': stats}
    mean, var = 0.9 * mean + 0.1 * x.mean(0), 0.9 * var + 0.1 * x.var(0, ddof=1)
    assert_close(stats, {'mean': mean, 'var': var}, 1e-5)


def test_inference_changes_no_statistics():
  layer, x = BatchNorm(), values((12, 5), 'f4')
  variables = random_variables(layer, x)
  y, new = layer.apply(variables, x, train=False, mutable=['batch_stats'])
  assert_close(new['batch_stats'], variables['batch_stats'], 0, 0)
  assert_array_equal(y, layer.apply(variables, x, train=False))


@forms
def test_ghost_batches_are_separate_calls(shape, per_activation):
  """Same outputs, and the mean of their statistics; a mask is split like x."""
  x = values(shape, 'f4')
  mask = np.arange(len(x)) % 5 > 0
  ghosts, one = (
    BatchNorm(group_size=size, per_activation=per_activation) for size in (3, None)
  )
  variables = random_variables(ghosts, x)
  groups = zip(*(np.split(of, len(x) // 3) for of in (x, mask)))
  outputs, stats = zip(*(train(one, variables, *of) for of in groups))
  expected = np.concatenate(outputs), jax.tree.map(lambda *of: np.mean(of, 0), *stats)
  assert_close(train(ghosts, variables, x, mask), expected, 1e-5, 1e-5)


@pytest.mark.parametrize('off, neutral', [('gamma', 1.0), ('beta', 0.0)])
def test_a_parameter_that_is_switched_off_is_not_there(off, neutral):
  """Without gamma the scale is 1, without beta the shift is 0."""
  x, layer = values((12, 5), 'f4'), BatchNorm(**{f'use_{off}': False})
  variables = random_variables(layer, x)
  assert {*variables['params']} == {'gamma', 'beta'} - {off}
  full = {**variables['params'], off: jnp.full(5, neutral)}
  full = {**variables, 'params': full}
  assert_close(infer(layer, variables, x), infer(BatchNorm(), full, x), 0, 0)
  assert_close(train(layer, variables, x), train(BatchNorm(), full, x), 0, 0)


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16', 'float32', 'float64'])
def test_output_and_gradient_are_typed_like_the_input(float64, dtype):
  """Statistics are at least float32; y is one rounding off, not the sum of many."""
  dtype, layer = jnp.dtype(dtype), BatchNorm(decay=0)
  x = jnp.asarray(values((64, 5))).astype(dtype)
  variables = random_variables(layer, x)
  y, gradient, stats = jax.vjp(lambda x: train(layer, variables, x), x, has_aux=True)
  assert y.dtype == gradient(y)[0].dtype == infer(layer, variables, x).dtype == dtype
  wide = np.dtype('f8' if dtype == np.dtype('f8') else 'f4')
  assert {leaf.dtype for leaf in jax.tree.leaves(stats)} == {wide}
  assert {leaf.dtype for leaf in variables['params'].values()} == {np.dtype('f4')}
  expected = reference(x, variables['params']['gamma'], variables['params']['beta'], y)
  rounding = float(jnp.finfo(dtype).eps)
  assert_allclose(y.astype('f8'), expected.y, rounding, 16 * np.finfo(wide).eps)
  assert_allclose(stats['mean'], expected.mean, 8 * np.finfo(wide).eps)
  assert_allclose(stats['var'], expected.var * 64 / 63, 8 * np.finfo(wide).eps)


@pytest.mark.parametrize(
  'attributes, batch, message',
  [
    ({}, 1, 'm > 1'),
    ({'group_size': 1}, 4, 'm > 1'),
    ({'group_size': 3}, 4, 'a batch of 4 is not a whole number of groups of 3'),
    ({'group_size': 2, 'axis_name': 'devices'}, 4, 'axis_name'),
  ],
)
def test_what_cannot_be_normalized_is_an_error_in_training_only(
  attributes, batch, message
):
  x, layer = values((batch, 3), 'f4'), BatchNorm(**attributes)
  variables = random_variables(layer, x)
  assert infer(layer, variables, x).shape == x.shape
  with pytest.raises(ValueError, match=message):
    train(layer, variables, x)


# Claims of the paper, numbered as in the results.


def layer_of(w, u, bias=0.0, epsilon=0.0):
  """BN(Wu + b), in training."""
  gamma, beta = np.random.default_rng(0).normal(1, 0.5, (2, 3))
  return batch_normalize(u @ w + bias, gamma, beta, None, epsilon)[0]


@pytest.mark.parametrize('a', [0.1, 10.0])
def test_claim_4_the_scale_of_the_weights_does_not_matter(float64, a):
  """BN(aWu) = BN(Wu), d/du too, d/d(aW) is 1/a of d/dW, and so <W, d/dW> = 0."""
  u, w, dy = values((16, 5)), values((5, 3), seed=1), values((16, 3), seed=2)
  y, gradient = jax.vjp(layer_of, w, u)
  d_w, d_u = gradient(dy)
  y_of_scaled, gradient = jax.vjp(layer_of, a * w, u)
  d_scaled, d_u_of_scaled = gradient(dy)
  assert np.abs(d_w).max() > 0.1
  assert np.abs(d_u).max() > 0.1
  expected = y, d_w / a, d_u
  assert_close((y_of_scaled, d_scaled, d_u_of_scaled), expected, 1e-12, 1e-12)
  assert_allclose(np.sum(w * d_w, 0), np.zeros(3), atol=1e-12)


def test_claim_5_the_layer_can_be_the_identity(float64):
  """gamma = sqrt(Var[x] + epsilon), beta = E[x]: in training and in inference."""
  x, layer = values((12, 5)), BatchNorm()
  params = {'gamma': np.sqrt(x.var(0) + layer.epsilon), 'beta': x.mean(0)}
  stats = {'mean': x.mean(0), 'var': x.var(0)}
  variables = {'params': params, 'batch_stats': stats}
  assert_allclose(train(layer, variables, x)[0], x, rtol=1e-12)
  assert_allclose(infer(layer, variables, x), x, rtol=1e-12)


@forms
def test_claim_6_inference_is_one_affine_map_per_channel(
  float64, shape, per_activation
):
  """It does not depend on batch mates, which training does (section 3.4)."""
  x, layer = values(shape), BatchNorm(per_activation=per_activation)
  variables = random_variables(layer, x)
  of = {**variables['params'], **variables['batch_stats']}
  scale = of['gamma'] / np.sqrt(of['var'] + layer.epsilon)
  y = infer(layer, variables, x)
  assert_close(y, x * scale + (of['beta'] - of['mean'] * scale))
  assert_close(infer(layer, variables, x[:2]), y[:2], 1e-15, 1e-15)
  alone, in_batch = (train(layer, variables, of)[0] for of in (x[:2], x))
  assert np.abs(alone - in_batch[:2]).max() > 0.1


def test_claim_7_a_bias_under_the_layer_is_redundant(float64):
  """Its gradient is 0 and it changes no output: beta has taken its role."""
  u, w, dy = values((16, 5)), values((5, 3), seed=1), values((16, 3), seed=2)
  call = lambda w, bias: layer_of(w, u, jnp.broadcast_to(bias, (16, 3)), 1e-3)
  y, gradient = jax.vjp(call, w, np.arange(3.0))
  d_w, d_bias = gradient(dy)
  assert np.abs(d_w).max() > 0.1
  assert_allclose(d_bias, np.zeros(3), atol=1e-12)
  assert_close(call(w, np.full(3, 100.0)), y)


def test_a_group_without_variance_is_not_tracked():
  """Masked down to one value, or none, a ghost batch does not touch the average."""
  x = np.random.default_rng(0).normal(5, 1, (9, 2)).astype('f4')
  mask = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0], bool)
  layer = BatchNorm(decay=0.5, group_size=3)
  variables = layer.init(jax.random.key(0), x, train=False)
  update = lambda mask: layer.apply(
    variables, x, train=True, mask=mask, mutable=['batch_stats']
  )[1]['batch_stats']
  of_first = BatchNorm(decay=0.5).apply(
    variables, x[:3], train=True, mutable=['batch_stats']
  )[1]['batch_stats']
  assert_close(update(mask), of_first, rtol=1e-6)
  assert_close(update(np.zeros(9, bool)), variables['batch_stats'], 0, 0)


@pytest.mark.parametrize('is_traced', [False, True], ids=['number', 'traced'])
def test_decay_0_forgets_statistics_that_are_not_finite(is_traced):
  """Such as those of a batch that overflowed, in which 0 times the old would be NaN."""
  x = values((12, 5), 'f4')
  old = {'mean': np.full(5, np.nan, 'f4'), 'var': np.full(5, np.inf, 'f4')}
  params = {'gamma': np.ones(5, 'f4'), 'beta': np.zeros(5, 'f4')}

  def updated(decay, old):
    variables = {'params': params, 'batch_stats': old}
    return BatchNorm(decay=decay).apply(variables, x, True, mutable=['batch_stats'])[1]

  at_0 = functools.partial(updated, 0.0)
  if is_traced:
    at_0 = functools.partial(jax.jit(updated), np.float32(0))
  finite = {'mean': np.zeros(5, 'f4'), 'var': np.ones(5, 'f4')}
  assert_close(at_0(old), at_0(finite), 0, 0)
  assert np.all(np.isnan(updated(0.5, old)['batch_stats']['mean']))


def test_the_layer_is_found_at_its_former_place():
  """Networks outside this project import it there."""
  from bn_repro import batch_norm_layer

  assert batch_norm_layer.BatchNorm is BatchNorm
