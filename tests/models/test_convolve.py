"""Every form of a convolution is the convolution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bn_repro.models import convolve


def plain(x, kernel, stride):
  """XLA's own."""
  return jax.lax.conv_general_dilated(
    x, kernel, (stride, stride), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )


def with_gradients(convolution, x, kernel, stride):
  """Its maps, and the gradients by input and kernel of a sum with random weights."""
  maps, pull_back = jax.vjp(lambda *both: convolution(*both, stride), x, kernel)
  weights = np.random.default_rng(1).normal(size=maps.shape).astype('f4')
  return maps, *pull_back(jnp.asarray(weights))


@pytest.mark.parametrize('kernel, stride', [(1, 1), (1, 2), (3, 1), (3, 2), (5, 1)])
@pytest.mark.parametrize(
  'height, width', [(1, 1), (1, 2), (2, 2), (2, 4), (3, 2), (4, 4)]
)
def test_a_convolution_of_tiny_maps_is_xlas(height, width, kernel, stride):
  """Also where windows reach over both ends, or sizes are no multiple of the stride."""
  random = np.random.default_rng(0)
  x = jnp.asarray(random.normal(size=(3, height, width, 4)).astype('f4'))
  weights = jnp.asarray(random.normal(size=(kernel, kernel, 4, 5)).astype('f4'))
  ours = with_gradients(convolve.convolve, x, weights, stride)
  for got, expected in zip(ours, with_gradients(plain, x, weights, stride)):
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('size, stride, is_product', [
  (2, 1, True), (4, 2, True), (3, 1, False), (4, 1, False), (8, 2, False),
])  # fmt: skip
def test_only_tiny_maps_become_one_product(size, stride, is_product):
  x, kernel = jnp.ones((1, size, size, 2)), jnp.ones((3, 3, 2, 2))
  traced = jax.make_jaxpr(lambda *both: convolve.convolve(*both, stride))(x, kernel)
  assert ('conv_general_dilated' not in str(traced)) == is_product
