"""What the page says of Flax where it departs, by calls that no adapter is part of."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

HALF = {'use_running_average': False, 'momentum': 0.5}


def of_linen(x, mask=None, **options):
  """y and the stored mean and variance after one training call."""
  layer = nn.BatchNorm(**HALF, **options)
  variables = layer.init(jax.random.key(0), x)
  y, new = layer.apply(variables, x, mask=mask, mutable=['batch_stats'])
  return y, new['batch_stats']['mean'], new['batch_stats']['var']


def of_nnx(x, mask=None, **options):
  layer = nnx.BatchNorm(x.shape[-1], rngs=nnx.Rngs(0), **HALF, **options)
  return layer(x, mask=mask), layer.mean[...], layer.var[...]


def of_linen_exact(x, mask=None, **options):
  return of_linen(x, mask, use_fast_variance=False, **options)


@pytest.fixture(params=[of_linen, of_linen_exact, of_nnx], ids=lambda f: f.__name__)
def trained(request):
  return request.param


@pytest.mark.parametrize('shape', [(2, 1), (1, 1, 2, 1)], ids=['dense', 'conv'])
def test_the_stored_variance_is_biased(trained, shape):
  """Half of 1, with which it starts, and of 4; the unbiased one is 8."""
  _, mean, var = trained(jnp.array([3.0, 7.0]).reshape(shape))
  assert (float(mean[0]), float(var[0])) == pytest.approx((2.5, 2.5))


def test_one_value_has_variance_0(trained):
  y, _, var = trained(jnp.ones((1, 3)))
  assert not y.any() and var.tolist() == [0.5] * 3


def test_an_empty_mask_gives_nan_and_stores_it(trained):
  x = jnp.arange(6.0).reshape(3, 2)
  y, mean, var = trained(x, mask=jnp.zeros((3, 1), bool))
  assert np.isnan(y).all() and np.isnan(mean).all() and np.isnan(var).all()


def test_only_the_exact_variance_is_within_a_percent_at_500_deviations(trained):
  """The others are at 30 (the page: up to 100)."""
  values = np.random.default_rng(0).normal(size=(32 * 28 * 28, 8))
  within = []
  for mean in (30, 500):
    x = (values + mean).astype(np.float32)
    _, _, var = trained(jnp.asarray(x))
    true = x.astype(np.float64).var(0)
    within.append(bool(np.all(np.abs((2 * var - 1) / true - 1) < 0.01)))
  assert within == [True, trained is of_linen_exact]


def test_constant_features_do_not_come_out_as_0(trained):
  x = np.tile(np.geomspace(0.1, 1e4, 200).astype(np.float32), (60, 1))
  y = np.abs(trained(jnp.asarray(x))[0]).max(0)
  assert np.isfinite(y).all()
  assert 0.1 < (y > 0.01).mean() < 0.3 and 0.2 < y.max() < 0.5


def test_masks_of_devices_weigh_each_device_alike(trained):
  """Three examples of 0 and one of 4 have a mean of 1; the devices' means, 0 and 4,
  one of 2."""
  x = jnp.array([[0.0, 0, 0], [4, 9, 9]])[..., None]
  mask = jnp.array([[1, 1, 1], [1, 0, 0]], bool)[..., None]
  assert _means(trained, x, mask) == pytest.approx([2, 2])


def test_one_device_without_examples_makes_all_of_them_nan(trained):
  x, mask = jnp.ones((2, 3, 1)), jnp.array([[1, 1, 1], [0, 0, 0]], bool)[..., None]
  assert np.isnan(_means(trained, x, mask)).all()


def _means(trained, x, mask):
  """Of the mini-batch on two devices, as each has it; half of it is stored."""
  step = jax.pmap(lambda x, mask: trained(x, mask, axis_name='i')[1], axis_name='i')
  return (2 * np.asarray(step(x, mask))).ravel().tolist()


def test_in_jax_jit_nnx_drops_the_statistics_without_an_error():
  layer = nnx.BatchNorm(3, rngs=nnx.Rngs(0), **HALF)
  jax.jit(lambda layer, x: layer(x))(layer, jnp.arange(12.0).reshape(4, 3))
  assert not layer.mean[...].any()
