"""The layers of the Inception networks, each against a reference in NumPy."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bn_repro.batch_norm.layer import BatchNorm
from bn_repro.models.layers import (
  Convolution,
  LocalResponseNormalization,
  separable_kernel,
)
from bn_repro.models.pool import Pool

EPSILON = 1e-3


def images(shape, scale=1.0, dtype='f4'):
  return np.random.default_rng(0).normal(0, scale, shape).astype(dtype)


def windows(x, size, stride):
  """Patches of x `[b, h, w, c]` where TensorFlow's SAME puts them, NaN beyond.

  `[b, h / stride, w / stride, size, size, c]` float64.
  """
  padding, outputs = [(0, 0)], []
  for length in x.shape[1:3]:
    output = -(-length // stride)
    missing = max((output - 1) * stride + size - length, 0)
    padding.append((missing // 2, missing - missing // 2))
    outputs.append(output)
  x = np.pad(x.astype('f8'), [*padding, (0, 0)], constant_values=np.nan)
  rows, columns = (
    stride * np.arange(number)[:, None] + np.arange(size) for number in outputs
  )
  return x[:, rows[:, None, :, None], columns[None, :, None, :]]


def convolved(x, kernel, stride):
  """A full convolution with a kernel `[size, size, in, out]`, in float64."""
  patches = np.nan_to_num(windows(x, len(kernel), stride))
  return np.einsum('bhwijc,ijco->bhwo', patches, kernel.astype('f8'))


def with_random_values(tree):
  """The tree with other values, above 0, so that nothing is 0 or 1 by default."""
  rng = np.random.default_rng(1)
  return jax.tree.map(lambda leaf: rng.uniform(0.5, 2, leaf.shape).astype('f4'), tree)


def initialized(layer, x):
  return layer.init(jax.random.key(0), x, train=False)


# Local response normalization.


def reference_response(x, radius=2, alpha=2e-5, beta=0.75):
  """Krizhevsky et al. (2012), value by value, in float64."""
  x = x.astype('f8')
  channels = x.shape[-1]
  y = np.empty_like(x)
  for i in range(channels):
    around = x[..., max(0, i - radius) : min(channels, i + radius + 1)]
    y[..., i] = x[..., i] / (1 + alpha * np.sum(around**2, axis=-1)) ** beta
  return y


@pytest.mark.parametrize('channels', [1, 2, 3, 5, 11])
def test_response_is_divided_by_that_of_the_neighbours(channels):
  """Up to two on each side, however few there are; values up to 1,000."""
  x = images((2, 3, 4, channels), scale=300)
  y = jax.jit(LocalResponseNormalization())(x)
  assert y.dtype == np.float32
  assert_allclose(y, reference_response(x), rtol=1e-6)


def test_alpha_is_not_divided_by_the_size():
  """GoogLeNet's constants in Caffe, which does divide: size 5, alpha 1e-4."""
  y = LocalResponseNormalization()(jnp.full((1, 1, 1, 7), 100.0))
  neighbours = np.array([3, 4, 5, 5, 5, 4, 3])
  caffe = 100 / (1 + 1e-4 / 5 * neighbours * 100**2) ** 0.75
  assert_allclose(y[0, 0, 0], caffe, rtol=1e-6)


def test_response_of_bfloat16_is_the_rounded_one_of_float32():
  x = jnp.asarray(images((2, 3, 4, 11), scale=300)).astype(jnp.bfloat16)
  y = LocalResponseNormalization()(x)
  assert y.dtype == jnp.bfloat16
  wide = LocalResponseNormalization()(x.astype(jnp.float32))
  assert_array_equal(y, wide.astype(jnp.bfloat16))


# Pooling.


@pytest.mark.slow
@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('size', [(4, 4), (5, 6), (1, 2)])
@pytest.mark.parametrize('kind, of', [('avg', np.nanmean), ('max', np.nanmax)])
def test_pooling_leaves_out_the_padding(kind, of, size, stride):
  """An average at an edge is that of the pixels there; negative maxima stay."""
  x = images((2, *size, 3)) - 3
  expected = of(windows(x, 3, stride), axis=(3, 4))
  assert_allclose(Pool(kind, stride)(x), expected, rtol=1e-6)


@pytest.mark.parametrize('kind', ['avg', 'max'])
def test_pooling_keeps_bfloat16(kind):
  x = jnp.asarray(images((2, 5, 5, 3))).astype(jnp.bfloat16)
  y = Pool(kind)(x)
  assert y.dtype == jnp.bfloat16
  expected = Pool(kind)(x.astype(jnp.float32))
  assert_allclose(y.astype(jnp.float32), expected, rtol=2**-7, atol=2**-7)


@pytest.mark.slow
@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('kind', ['avg', 'max'])
def test_the_gradient_of_pooling_is_that_of_flax(kind, stride):
  """Whose windows are XLA's; no two values are equal."""
  x, pool = jnp.asarray(images((2, 6, 7, 3))), Pool(kind, stride)
  settings = {'strides': (stride, stride), 'padding': 'SAME'}
  flax = {
    'max': functools.partial(nn.max_pool, window_shape=(3, 3), **settings),
    'avg': lambda x: nn.avg_pool(x, (3, 3), count_include_pad=False, **settings),
  }
  y, backward = jax.vjp(pool, x)
  expected, expected_backward = jax.vjp(flax[kind], x)
  assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
  dy = jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)
  assert_allclose(backward(dy)[0], expected_backward(dy)[0], rtol=1e-5, atol=1e-6)


def test_of_equal_values_one_learns():
  """As behind a ReLU, where many are 0: a gradient is neither lost nor split."""
  x = jnp.zeros((1, 3, 3, 1)).at[0, 2, 1:].set(1)
  gradient = jax.grad(lambda x: Pool('max', 3)(x).sum())(x)
  assert_array_equal(np.sort(gradient.ravel()), [0] * 8 + [1])
  assert gradient[0, 2, 1:].sum() == 1


@pytest.mark.parametrize('place', range(9))
@pytest.mark.parametrize('kind', ['avg', 'max'])
def test_a_value_that_is_not_a_number_is_not_lost_in_pooling(kind, place):
  x = jnp.arange(9.0).at[place].set(jnp.nan).reshape(1, 3, 3, 1)
  assert jnp.isnan(jax.jit(Pool(kind, 3))(x)).all()


# Convolutions.

normalized = functools.partial(Convolution, batch_norm=BatchNorm)
G = {'relu': lambda t: np.maximum(t, 0), 'sigmoid': lambda t: 1 / (1 + np.exp(-t))}


def names(tree):
  return {'/'.join(key.key for key in path) for path, _ in
          jax.tree_util.tree_leaves_with_path(tree)}  # fmt: skip


def test_under_batch_normalization_there_is_no_bias():
  params = initialized(normalized(7, 3), images((1, 4, 4, 3)))['params']
  assert names(params) == {
    'convolution/kernel', 'batch_norm/gamma', 'batch_norm/beta'
  }  # fmt: skip


def test_without_batch_normalization_there_is_a_bias():
  params = initialized(Convolution(7, 3), images((1, 4, 4, 3)))['params']
  assert names(params) == {'convolution/kernel', 'convolution/bias'}


@pytest.mark.parametrize('nonlinearity', ['relu', 'sigmoid'])
def test_batch_normalization_is_before_the_nonlinearity(nonlinearity):
  """z = g(gamma * x_hat + beta), x = Wu, in training."""
  u = images((4, 5, 5, 3))
  layer = normalized(7, 3, stride=2, nonlinearity=nonlinearity)
  variables = initialized(layer, u)
  variables['params']['batch_norm'] = with_random_values(
    variables['params']['batch_norm']
  )
  z, _ = layer.apply(variables, u, train=True, mutable=['batch_stats'])
  of = jax.tree.map(np.asarray, variables['params'])
  x = convolved(u, of['convolution']['kernel'], 2)
  x_hat = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + EPSILON)
  y = of['batch_norm']['gamma'] * x_hat + of['batch_norm']['beta']
  assert_allclose(z, G[nonlinearity](y), rtol=1e-4, atol=1e-5)


def test_in_evaluation_the_population_estimate_normalizes():
  u = images((4, 5, 5, 3))
  layer = normalized(7)
  variables = initialized(layer, u)
  variables['batch_stats'] = with_random_values(variables['batch_stats'])
  stats = variables['batch_stats']['batch_norm']
  x = u.astype('f8') @ np.asarray(variables['params']['convolution']['kernel'])[0, 0]
  y = (x - stats['mean']) / np.sqrt(stats['var'] + EPSILON)
  z = layer.apply(variables, u, train=False)
  assert_allclose(z, np.maximum(y, 0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('nonlinearity', ['relu', 'sigmoid'])
def test_without_batch_normalization_it_is_g_of_wu_plus_b(nonlinearity):
  u = images((2, 6, 6, 3))
  layer = Convolution(7, 3, nonlinearity=nonlinearity)
  variables = initialized(layer, u)
  of = variables['params']['convolution']
  assert_array_equal(of['bias'], np.zeros(7))
  of['bias'] = with_random_values(of['bias'])
  x = convolved(u, np.asarray(of['kernel']), 1) + of['bias']
  z = layer.apply(variables, u, train=False)
  assert_allclose(z, G[nonlinearity](x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('batch_norm', [None, BatchNorm], ids=['plain', 'batch_norm'])
def test_separable_is_depthwise_then_1x1_with_nothing_between(batch_norm):
  """Multiplier 4: filters 4c to 4c + 3 see channel c alone."""
  u = images((4, 6, 6, 3))
  layer = Convolution(7, 5, stride=2, depth_multiplier=4, batch_norm=batch_norm)
  variables = initialized(layer, u)
  kernels = {'depthwise/kernel', 'convolution/kernel'}
  assert {n for n in names(variables['params']) if 'batch_norm' not in n} == (
    kernels if batch_norm else kernels | {'convolution/bias'}
  )
  of = jax.tree.map(np.asarray, variables['params'])
  depthwise = of['depthwise']['kernel']
  assert depthwise.shape == (5, 5, 1, 12)
  patches = np.nan_to_num(windows(u, 5, 2))
  filters = depthwise.reshape(5, 5, 3, 4).astype('f8')
  between = np.einsum('bhwijc,ijcm->bhwcm', patches, filters).reshape(4, 3, 3, 12)
  x = between @ of['convolution']['kernel'][0, 0]
  if batch_norm is not None:
    x = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + EPSILON)
  z, _ = layer.apply(variables, u, train=True, mutable=['batch_stats'])
  assert_allclose(z, np.maximum(x, 0), rtol=1e-4, atol=1e-5)


def test_the_kernel_of_both_halves_has_their_output_and_gradients():
  """Those of `feature_group_count`, which computes what is between them."""
  random = np.random.default_rng(1)
  shapes = (2, 9, 8, 3), (7, 7, 1, 12), (1, 1, 12, 5)
  x, depthwise, pointwise = (random.normal(0, 1, shape) for shape in shapes)
  convolve = functools.partial(
    jax.lax.conv_general_dilated, padding='SAME',
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
  )  # fmt: skip

  def one(x, depthwise, pointwise):
    return convolve(x, separable_kernel(depthwise, pointwise, 3), (2, 2))

  def both(x, depthwise, pointwise):
    between = convolve(x, depthwise, (2, 2), feature_group_count=3)
    return convolve(between, pointwise, (1, 1))

  arguments = [a.astype(np.float32) for a in (x, depthwise, pointwise)]
  y, backward = jax.vjp(one, *arguments)
  expected, expected_backward = jax.vjp(both, *arguments)
  assert_allclose(y, expected, rtol=1e-4, atol=1e-4)
  for found, wanted in zip(backward(y), expected_backward(y)):
    assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize('multiplier', [None, 8], ids=['full', 'separable'])
@pytest.mark.parametrize(
  'size, kernel, stride, output',
  [(224, 7, 2, 112), (8, 7, 2, 4), (28, 3, 2, 14), (7, 3, 2, 4), (5, 3, 1, 5)],
)
def test_sizes_are_divided_by_the_stride_rounding_up(
  size, kernel, stride, output, multiplier
):
  layer = normalized(64, kernel, stride, multiplier)
  z, _ = jax.eval_shape(
    lambda x: layer.init_with_output(jax.random.key(0), x, train=False),
    jax.ShapeDtypeStruct((2, size, size, 3), jnp.float32),
  )
  assert z.shape == (2, output, output, 64)


@pytest.mark.parametrize('variance', [2.0, 8.0])
def test_weight_variance_is_that_of_a_weight_times_its_number_of_inputs(variance):
  """For full convolutions, and for both halves of a separable one."""
  full = Convolution(256, 3, weight_variance=variance)
  separable = Convolution(512, 7, depth_multiplier=8, weight_variance=variance)
  of_full = {'convolution': 9 * 64}
  of_separable = {'depthwise': 49, 'convolution': 512}
  for layer, inputs in ((full, of_full), (separable, of_separable)):
    params = initialized(layer, images((1, 2, 2, 64)))['params']
    for name, fan_in in inputs.items():
      weights = np.asarray(params[name]['kernel']).astype('f8')
      # Of at least 25,088 draws: the error of a variance is 1 %.
      assert abs(weights.var() * fan_in / variance - 1) < 0.03
      assert abs(weights.mean()) < 0.03 * weights.std()


def test_bfloat16_is_of_the_computation_alone():
  """Parameters and statistics stay float32."""
  x = jnp.asarray(images((2, 4, 4, 3)))
  layer = normalized(7, 3, depth_multiplier=2, dtype=jnp.bfloat16)
  variables = initialized(layer, x)
  z, updated = layer.apply(variables, x, train=True, mutable=['batch_stats'])
  assert z.dtype == jnp.bfloat16
  for leaf in jax.tree.leaves((variables, updated)):
    assert leaf.dtype == jnp.float32
