"""Section 2's alternatives: their formulas and gradients, and what is wrong there."""

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from bn_repro.batch_norm import transform as transform_lib
from bn_repro.batch_norm.alternatives import (
  Standardization,
  Whitening,
  covariance_of,
  inverse_square_root,
  standardize,
  with_noise,
)
from bn_repro.run.errors import UserError

EPSILON = 1e-3


def values(seed, m=12, features=4):
  mixing = np.random.default_rng(seed).normal(size=(features, features))
  return np.random.default_rng(seed + 1).normal(size=(m, features)) @ mixing + 2


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.sampled_from([None, EPSILON]))
def test_both_forms_are_the_papers_formula(seed, epsilon):
  """And differ in their gradient only."""
  x = values(seed)
  expected = x - x.mean(axis=0)
  if epsilon is not None:
    expected /= np.sqrt(x.var(axis=0) + epsilon)
  for is_differentiated in (True, False):
    y, statistics = standardize(jnp.float32(x), epsilon, is_differentiated)
    np.testing.assert_allclose(y, expected, atol=1e-4)
    np.testing.assert_allclose(statistics.mean, x.mean(axis=0), rtol=1e-4, atol=1e-5)


def test_with_the_gradient_it_is_algorithm_1():
  x, weights = jnp.float32(values(0)), jnp.float32(values(5))
  of_ours = jax.grad(lambda x: jnp.sum(weights * standardize(x, EPSILON, True)[0]))
  ones, zeros = jnp.ones(4), jnp.zeros(4)
  transform = lambda x: transform_lib.batch_normalize(x, ones, zeros, None, EPSILON)[0]
  of_algorithm = jax.grad(lambda x: jnp.sum(weights * transform(x)))
  np.testing.assert_allclose(of_ours(x), of_algorithm(x), atol=1e-5)


@pytest.mark.parametrize('epsilon', [None, EPSILON])
@pytest.mark.parametrize('is_differentiated', [True, False])
def test_a_bias_before_it_changes_nothing_but_is_pushed(epsilon, is_differentiated):
  """Section 2: the gradient with respect to b is 0 where it is seen through, only."""
  x = jnp.float32(values(3))

  def loss(bias):
    y, _ = standardize(x + bias[None], epsilon, is_differentiated)
    return jnp.mean(jnp.square(y - 1)) / 2

  bias = jnp.asarray([5.0, -3.0, 0.5, 0.0])
  assert float(loss(bias)) == pytest.approx(float(loss(jnp.zeros(4))), rel=1e-5)
  pushed = np.abs(jax.grad(loss)(bias)).max()
  assert pushed < 1e-6 if is_differentiated else pushed > 0.05


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.sampled_from([3, 12, 60]))
def test_whitened_values_are_uncorrelated(seed, m):
  """Their covariance is C / (C + epsilon I), singular where m <= features."""
  x = values(seed, m)
  y, _ = Whitening(decay=0.9, epsilon=EPSILON).init_with_output(
    jax.random.key(0), jnp.float32(x), train=True
  )
  covariance = np.cov(x.T, bias=True)
  expected = covariance @ np.linalg.inv(covariance + EPSILON * np.eye(4))
  np.testing.assert_allclose(np.cov(np.float64(y).T, bias=True), expected, atol=5e-3)


def test_whitening_at_inference_takes_the_population():
  """Algorithm 2's unbiased estimates, at decay 0 those of the last mini-batch."""
  x = values(7, m=40)
  model = Whitening(decay=0.0, epsilon=EPSILON)
  variables = model.init(jax.random.key(0), jnp.float32(x), train=False)
  _, updated = model.apply(
    variables, jnp.float32(x), train=True, mutable=['batch_stats']
  )
  found = updated['batch_stats']
  np.testing.assert_allclose(found['mean'], x.mean(axis=0), rtol=1e-5)
  np.testing.assert_allclose(found['covariance'], np.cov(x.T), rtol=1e-4, atol=1e-5)
  one = model.apply(variables | updated, jnp.float32(x[:1]), train=False)
  root = np.linalg.inv(np.cov(x.T) + EPSILON * np.eye(4))
  eigenvalues, vectors = np.linalg.eigh(root)
  matrix = (vectors * np.sqrt(eigenvalues)) @ vectors.T
  np.testing.assert_allclose(one, (x[:1] - x.mean(axis=0)) @ matrix, atol=1e-3)


@pytest.mark.parametrize('eigenvalues', [(1, 2, 4), (1, 1, 4), (0.2, 0.2, 3)])
def test_the_gradient_of_the_root_at_equal_eigenvalues_too(eigenvalues):
  """Against finite differences; autodiff of the eigenvectors gives NaN there."""
  rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
  matrix = jnp.float32(rotation @ np.diag(eigenvalues) @ rotation.T)
  symmetric = lambda a: inverse_square_root((a + a.T) / 2, 0.5)
  check_grads(symmetric, (matrix,), order=1, modes=['rev'], atol=2e-2, rtol=2e-2)


@pytest.mark.parametrize(
  'layer',
  [
    Whitening(0.9, EPSILON),
    Standardization(0.9, EPSILON, is_scaled=True, is_differentiated=True),
  ],
)
def test_one_example_has_no_variance(layer):
  """Which would be NaN among the statistics, and pass for divergence."""
  x = jnp.ones((1, 3))
  variables = layer.init(jax.random.key(0), x, train=False)
  with pytest.raises(UserError, match='m > 1'):
    layer.apply(variables, x, train=True, mutable=['batch_stats'])


def test_covariance_is_numpys():
  x = values(9)
  np.testing.assert_allclose(
    covariance_of(jnp.float32(x)), np.cov(x.T, bias=True), rtol=1e-4, atol=1e-4
  )


@pytest.mark.parametrize('is_scaled', [False, True])
def test_standardization_tracks_what_algorithm_2_averages(is_scaled):
  x = jnp.float32(values(11))
  model = Standardization(0.0, EPSILON, is_scaled, is_differentiated=False)
  variables = model.init(jax.random.key(0), x, train=False)
  assert 'params' not in variables
  _, updated = model.apply(variables, x, train=True, mutable=['batch_stats'])
  of_layer = updated['batch_stats']
  np.testing.assert_allclose(of_layer['var'], np.var(x, axis=0, ddof=1), rtol=1e-5)
  y = model.apply(variables | updated, x, train=False)
  assert np.std(y, axis=0).max() == pytest.approx(
    np.sqrt(11 / 12) if is_scaled else float(np.std(x, axis=0).max()), rel=1e-2
  )


def test_noise_moves_mean_and_scale_of_every_unit_at_every_step():
  """Santurkar et al.: shifts of up to 0.6, scales about 1 to 1.25."""
  x = jnp.asarray(np.random.default_rng(0).normal(size=(4_000, 30)), jnp.float32)
  steps = [np.asarray(with_noise(jax.random.key(step), x)) for step in range(2)]
  means, deviations = np.stack([[y.mean(0), y.std(0)] for y in steps], axis=1)
  assert np.abs(means).max() < 0.6 and np.abs(means).mean() > 0.15
  assert deviations.min() > 0.95 and deviations.max() < 1.35
  assert np.abs(means[1] - means[0]).mean() > 0.2
  zeros = np.asarray(with_noise(jax.random.key(0), jnp.zeros((4_000, 30))))
  assert np.ptp(zeros, axis=0).max() < 0.2001  # of examples: up to 0.1 either way
  off = (steps[0] - zeros) / np.asarray(x)
  assert np.median(off, axis=0).min() > 0.98


def test_shapes_in_types_are_checked():
  """By the import hook of tests/conftest.py, which must come before any import."""
  with pytest.raises(jaxtyping.TypeCheckError, match='m features'):
    standardize(jnp.zeros(3), 1e-3, True)
