"""Section 3 of the paper: the transform, its gradient, moments, population statistics.

The layer, its rivals (Flax, PyTorch) and several devices have files of their own.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from bn_repro.batch_norm.layer import BatchNorm
from bn_repro.batch_norm.transform import (
  Moments,
  batch_normalize,
  merge_moments,
  moments,
  normalize,
  population_statistics,
  unbiased_variance,
)

EPSILON = 1e-3
EPS32 = np.finfo(np.float32).eps
# [..., m, features]: m = 2, an activation each, feature maps, ghost batches.
SHAPES = ((2, 5), (6, 12), (28, 3), (3, 4, 5))
moderate = settings(max_examples=25, deadline=None, derandomize=True)


class Outcome(NamedTuple):
  """What the transform makes of x, and the gradient of sum(y * dy)."""

  mean: Any
  var: Any
  y: Any
  d_x: Any
  d_gamma: Any
  d_beta: Any


def reference(x, gamma, beta, dy, mask=None, epsilon=EPSILON) -> Outcome:
  """Algorithm 1 and the six formulas of section 3 as printed, in float64 NumPy.

  With a mask, moments leave out the masked values, and the gradient that flows
  through the moments does not reach these.
  """
  x, gamma, beta, dy = (np.asarray(a, np.float64) for a in (x, gamma, beta, dy))
  counts = np.ones_like(x[..., :1]) if mask is None else np.asarray(mask, np.float64)
  total = functools.partial(np.sum, axis=-2, keepdims=True)
  m = total(counts)
  mean = total(counts * x) / m
  var = total(counts * (x - mean) ** 2) / m
  x_hat = (x - mean) / np.sqrt(var + epsilon)
  d_x_hat = dy * gamma
  d_var = total(d_x_hat * (x - mean) * -0.5 * (var + epsilon) ** -1.5)
  d_mean = total(d_x_hat * -1 / np.sqrt(var + epsilon))
  d_mean = d_mean + d_var * total(counts * -2 * (x - mean)) / m
  d_x = d_x_hat / np.sqrt(var + epsilon)
  d_x = d_x + counts * (d_var * 2 * (x - mean) / m + d_mean / m)
  over_all = tuple(range(x.ndim - 1))
  d_gamma, d_beta = np.sum(dy * x_hat, over_all), np.sum(dy, over_all)
  mean, var = mean[..., 0, :], var[..., 0, :]
  return Outcome(mean, var, gamma * x_hat + beta, d_x, d_gamma, d_beta)


@functools.partial(jax.jit, static_argnums=0)
def pull_back(transform, x, gamma, beta, dy, mask=None) -> Outcome:
  """What `transform(x, gamma, beta, mask)` -> (y, moments) and its vjp give."""
  call = lambda *of: transform(*of, mask)
  y, gradient, (mean, var, *_) = jax.vjp(call, x, gamma, beta, has_aux=True)
  return Outcome(mean, var, y, *gradient(dy))


def written_out(x, gamma, beta, mask):
  return batch_normalize(x, gamma, beta, mask, EPSILON)


def by_autodiff(x, gamma, beta, mask=None):
  """The transform in two passes, its gradient left to JAX."""
  counts = jnp.ones_like(x[..., :1]) if mask is None else mask.astype(x.dtype)
  weight = counts / jnp.sum(counts, -2, keepdims=True)
  mean = jnp.sum(weight * x, -2, keepdims=True)
  var = jnp.sum(weight * (x - mean) ** 2, -2, keepdims=True)
  gamma, beta = jnp.broadcast_to(gamma, x.shape), jnp.broadcast_to(beta, x.shape)
  y = gamma * (x - mean) / jnp.sqrt(var + EPSILON) + beta
  return y, (mean[..., 0, :], var[..., 0, :])


ours = functools.partial(pull_back, written_out)


def make_arguments(shape, offset=0.0, seed=0, constant=False, masked=False, dtype='f4'):
  """x, gamma, beta, dy, mask; x has variance 1, or 0 in a `constant` channel."""
  rng = np.random.default_rng(seed)
  x = rng.normal(offset, 1, shape)
  if constant:
    x[..., 0] = offset + 0.1
  gamma, beta = rng.normal(1, 0.5, (2, shape[-1]))
  arrays = [a.astype(dtype) for a in (x, gamma, beta, rng.normal(size=shape))]
  mask = rng.random((*shape[:-1], 1)) < 0.6
  mask[..., 0, :] = True
  return (*arrays, mask if masked else None)


def assert_close(got, expected, rtol=1e-11, atol=1e-11):
  """Holds two trees of arrays to each other."""
  jax.tree.map(lambda a, b: assert_allclose(a, b, rtol, atol), got, expected)


# The transform and its gradient.

GOLDEN_X = np.array([[1.0], [2.0], [3.0], [4.0]])
GOLDEN = Outcome(
  mean=np.array([2.5]),
  var=np.array([1.25]),
  y=np.array([[-2.1822089039], [-0.3940696346], [1.3940696346], [3.1822089039]]),
  d_x=np.array([[0.2858021158], [-0.5007790512], [0.1431511973], [0.0718257380]]),
  d_gamma=np.array([0.6258487443]),
  d_beta=np.array([0.6]),
)


@pytest.mark.parametrize('transform', [reference, ours], ids=['reference', 'ours'])
def test_golden_vector_of_algorithm_1(float64, transform):
  """Forward and backward, of the reference above and of the implementation."""
  dy = np.array([[0.1], [-0.2], [0.3], [0.4]])
  got = transform(GOLDEN_X, np.array([2.0]), np.array([0.5]), dy)
  assert_close(got, GOLDEN, rtol=0, atol=1e-10)


def test_golden_vector_of_algorithm_2(float64):
  """Inference with E[x] = 2.5 and Var[x] = 5/3: one affine map."""
  at = [jnp.array([value]) for value in (2.5, 5 / 3, 2.0, 0.5)]
  y = normalize(jnp.asarray(GOLDEN_X), *at, EPSILON)
  expected = [-1.8230931843, -0.2743643948, 1.2743643948, 2.8230931843]
  assert_allclose(y[:, 0], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize('masked', [False, True], ids=['all', 'masked'])
@pytest.mark.parametrize('shape', [(2, 5), (3, 4, 5)])
def test_gradient_is_that_of_the_six_formulas_and_of_autodiff(float64, shape, masked):
  at = make_arguments(shape, 3.0, 0, True, masked, 'f8')
  assert_close(ours(*at), reference(*at))
  assert_close(ours(*at), pull_back(by_autodiff, *at))


@moderate
@given(
  st.builds(
    make_arguments,
    st.sampled_from(SHAPES),
    offset=st.floats(-1e4, 1e4) | st.sampled_from([0.0, 1e4]),
    seed=st.integers(0, 1000),
    constant=st.booleans(),
    masked=st.booleans(),
  )
)
def test_float32_is_right_at_means_up_to_1e4(at):
  """Forward and backward are off by no more than one rounding of the mean costs.

  A float32 mean is off by eps * |x|; divided by the standard deviation that is
  the error of x_hat (`unit`), and the other bounds follow from x_hat.
  """
  x, gamma, beta, dy, _ = at
  got, expected = ours(*at), reference(*at)
  scale = 1 / np.sqrt(expected.var[..., None, :] + EPSILON)
  x_hat = np.abs(x - expected.mean[..., None, :]).max(-2, keepdims=True) * scale
  size, cost = np.abs(x).max(-2, keepdims=True), 1 + x_hat
  unit = 2 * EPS32 * (cost + size * scale)
  over_all = tuple(range(x.ndim - 1))
  largest = np.abs(dy).max(-2, keepdims=True)
  sum_of = np.abs(dy).sum(-2, keepdims=True)
  bounds = Outcome(
    mean=EPS32 * size[..., 0, :],
    var=16 * EPS32 * (expected.var + (EPS32 * size[..., 0, :]) ** 2),
    y=unit * np.abs(gamma) + 4 * EPS32 * np.abs(beta),
    d_x=unit * cost**2 * np.abs(gamma) * scale * largest,
    d_gamma=np.sum(unit * sum_of, over_all),
    d_beta=np.sum(2 * EPS32 * sum_of, over_all),
  )
  for name, error, bound in zip(
    Outcome._fields, map(np.subtract, got, expected), bounds
  ):
    worst = np.max(np.abs(error) / np.maximum(bound, 1e-30))
    assert worst <= 1, f'{name} is off by {worst:.3g} times the bound'


def test_gradient_of_the_gradient_is_that_of_autodiff(float64):
  """The backward pass can be differentiated again."""
  x, gamma, beta, dy, mask = make_arguments((6, 12), 3.0, 0, False, True, 'f8')

  @functools.partial(jax.jit, static_argnums=0)
  def of_penalty(transform, x):
    loss = lambda x: jnp.sum(dy * transform(x, gamma, beta, mask)[0] ** 2)
    return jax.grad(lambda x: jnp.sum(jax.grad(loss)(x) ** 2))(x)

  expected = of_penalty(by_autodiff, x)
  assert np.abs(expected).max() > 1
  assert_allclose(of_penalty(written_out, x), expected, rtol=1e-9, atol=1e-9)


def test_no_gradient_flows_through_the_returned_moments():
  x, gamma, beta, *_ = make_arguments((6, 12))
  tracked = lambda x: sum(map(jnp.sum, written_out(x, gamma, beta, None)[1]))
  assert_array_equal(jax.jit(jax.grad(tracked))(x), np.zeros_like(x))


def test_a_batch_of_which_nothing_counts_has_a_finite_gradient():
  """Mean and variance are the constant 0 then, and y = gamma x / sqrt(epsilon)."""
  x, gamma, beta, dy, mask = make_arguments((28, 3), masked=True)
  got = ours(x, gamma, beta, dy, np.zeros_like(mask))
  assert_allclose(got.d_x, dy * gamma / np.sqrt(EPSILON), rtol=1e-5)
  assert_allclose(got.d_gamma, np.sum(dy * x, 0) / np.sqrt(EPSILON), rtol=1e-4)


# Moments.


def test_moments_of_nothing_are_zero_and_merge_to_zero():
  got = moments(jnp.full((2, 3, 4), 7.0), jnp.zeros((2, 3, 1), bool))
  nothing = Moments(np.zeros(4), np.zeros(4), np.zeros(1))
  assert_close(got, jax.tree.map(lambda leaf: np.stack([leaf, leaf]), nothing), 0, 0)
  assert_close(merge_moments(got), nothing, 0, 0)


def test_variance_of_constants_is_never_negative():
  """Not even by a rounding, in a compiled program that fuses and reorders."""
  constants = np.random.default_rng(0).uniform(-1e4, 1e4, 1000).astype('f4')
  var = jax.jit(moments)(np.stack([constants] * 7)).var
  assert np.all(var >= 0)
  assert_allclose(var, np.zeros(1000), atol=1e-12)


@pytest.mark.parametrize('dtype', [jnp.bfloat16, jnp.float16])
def test_moments_of_half_precision_are_float32(dtype):
  """Sums of 8000 values, which half precision cannot even count."""
  x = jnp.repeat(jnp.array([1.0, 3.0]), 4000)[:, None].astype(dtype)
  got = moments(x)
  assert {leaf.dtype for leaf in got} == {jnp.dtype('float32')}
  expected = Moments(*(np.array([value]) for value in (2.0, 1.0, 8000.0)))
  assert_close(got, expected, rtol=1e-6)


@jax.jit
def merged(parts, mask):
  return merge_moments(moments(parts, mask))


@moderate
@given(
  st.lists(st.sampled_from([0, 1, 2, 9]), min_size=4, max_size=4).filter(any),
  st.floats(-1e4, 1e4) | st.sampled_from([0.0, 1e4]),
  st.integers(0, 1000),
)
def test_merged_moments_are_those_of_the_concatenation(sizes, offset, seed):
  """Parts of unequal sizes, empty ones too; off by the rounding of their means."""
  rng = np.random.default_rng(seed)
  x = rng.normal(offset + 3 * rng.normal(size=(4, 1, 1)), 1, (4, 9, 5)).astype('f4')
  mask = np.arange(9)[None, :, None] < np.array(sizes)[:, None, None]
  got = merged(x, mask)
  whole = x[mask[..., 0]].astype('f8')
  mean_error = 4 * EPS32 * np.abs(whole).max()
  var_error = 2 * mean_error * (whole.std(0).max() + mean_error)
  assert_allclose(got.mean, whole.mean(0), rtol=0, atol=mean_error)
  assert_allclose(got.var, whole.var(0), rtol=16 * EPS32, atol=var_error)
  assert_array_equal(got.count, [sum(sizes)])


def test_merging_equal_means_returns_them_to_the_bit():
  """However many parts there are: no sum of large equal numbers is made."""
  mean = np.array([1e4, 1e4 + 0.1, -3e3 / 7], 'f4')
  part = Moments(mean, np.ones(3, 'f4'), np.full(1, 6, 'f4'))
  got = merge_moments(jax.tree.map(lambda leaf: jnp.stack([leaf] * 100), part))
  assert_array_equal(got.mean, mean)
  assert_allclose(got.var, part.var, rtol=1e-5)


def test_an_empty_first_part_costs_no_digits():
  """Its mean, 0, is no origin for means of 1e4."""
  parts = np.random.default_rng(0).normal(1e4, 1, (16, 9, 5)).astype('f4')
  mask = np.ones((16, 9, 1), bool)
  mask[0] = False
  whole = parts[1:].reshape(-1, 5).astype('f8')
  assert_allclose(merged(parts, mask).mean, whole.mean(0), rtol=2 * EPS32)


def test_unbiased_variance_is_numpys_with_ddof_1_and_nan_for_one_value():
  x = make_arguments((3, 4, 5))[0]
  assert_allclose(unbiased_variance(moments(x)), x.var(-2, ddof=1), rtol=1e-5)
  assert np.all(np.isnan(unbiased_variance(moments(x[:, :1]))))


# Population statistics.


def mini_batches():
  """Four of 6 values each, whose means differ much: `[4, 6, 3]`."""
  rng = np.random.default_rng(0)
  return (rng.normal(size=(4, 6, 3)) + 10 * rng.normal(size=(4, 1, 3))).astype('f4')


@functools.partial(jax.jit, static_argnames='group_size')
def statistics_of(x, group_size=None):
  """`batch_stats` of x alone."""
  layer = BatchNorm(decay=0, group_size=group_size)
  variables = layer.init(jax.random.key(0), x, train=False)
  return layer.apply(variables, x, train=True, mutable=['batch_stats'])[1][
    'batch_stats'
  ]


def test_population_variance_is_the_mean_within_mini_batches_not_the_pooled():
  """Algorithm 2: Var[x] = m / (m - 1) * E_B[var_B]."""
  batches = mini_batches()
  got = population_statistics(statistics_of, batches)
  assert_allclose(got['mean'], batches.mean((0, 1)), rtol=1e-5)
  assert_allclose(got['var'], batches.var(1, ddof=1).mean(0), rtol=1e-5)
  assert np.all(got['var'] < 0.5 * batches.var((0, 1)))


def test_population_statistics_of_a_stack_are_those_of_one_at_a_time():
  """A layer with decay 0 and group_size m averages over its mini-batches itself."""
  one_at_a_time = population_statistics(statistics_of, mini_batches())
  of_stack = functools.partial(statistics_of, group_size=6)
  stacked = population_statistics(of_stack, mini_batches().reshape(2, 12, 3))
  assert_close(stacked, one_at_a_time, rtol=1e-5)


def test_population_statistics_of_nothing_are_an_error():
  with pytest.raises(ValueError, match='at least one mini-batch'):
    population_statistics(statistics_of, [])
