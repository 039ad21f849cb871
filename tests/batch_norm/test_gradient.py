"""Gradients beside the usual ones: with a gamma for each device, and of gradients.

The usual ones are in test_transform.py, and on several devices in test_engines.py.
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P
from numpy.testing import assert_allclose, assert_array_equal

from batch_norm.test_parallel_layer import pmap, shard_map, vmap
from batch_norm.test_transform import EPSILON, assert_close, by_autodiff, make_arguments
from bn_repro.batch_norm.layer import BatchNorm
from bn_repro.batch_norm.transform import batch_normalize
from support import PROJECT

DEVICES = 8
PAIRS = ((0, 5), (2, 1), (4, 3), (6, 7))
TOGETHER = (tuple(range(DEVICES)),)


def checked_shard_map(f):
  """By default JAX types arrays by the devices that differ in them."""
  of_shard = lambda *of: jax.tree.map(
    lambda leaf: leaf[None], f(*jax.tree.map(lambda leaf: leaf[0], of))
  )
  mesh, spec = Mesh(jax.devices(), ('devices',)), P('devices')
  return jax.jit(jax.shard_map(of_shard, mesh=mesh, in_specs=spec, out_specs=spec))


ENGINES = {
  'pmap': pmap, 'vmap': vmap, 'shard_map': shard_map,
  'shard_map, checked': checked_shard_map,
}  # fmt: skip
engines = pytest.mark.parametrize('spread', ENGINES.values(), ids=ENGINES)


def make_shards():
  """x, gamma, beta, dy and a mask of each device; devices differ in all of them."""
  rng = np.random.default_rng(0)
  x, dy = rng.normal(size=(2, DEVICES, 6, 3))
  gamma, beta = rng.normal(1, 0.5, (2, DEVICES, 3))
  mask = rng.random((DEVICES, 6, 1)) < 0.7
  return x + np.arange(DEVICES)[:, None, None], gamma, beta, dy, mask


def loss_of_device(groups, x, gamma, beta, dy, mask):
  """A device's part of the loss, for gradients of the sum of all parts."""
  y, _ = batch_normalize(x, gamma, beta, mask, EPSILON, 'devices', groups)
  return jnp.sum(y * y * dy)


def loss_of_all(groups, x, gamma, beta, dy, mask):
  """The same of all devices, by autodiff: each row has its device's gamma and beta."""
  each = lambda values: jnp.repeat(values[:, None], x.shape[1], axis=1)
  shards = x, each(gamma), each(beta), mask, dy
  loss = 0.0
  for group in map(np.array, groups or TOGETHER):
    *rows, dy = (values[group].reshape(-1, values.shape[-1]) for values in shards)
    y, _ = by_autodiff(*rows)
    loss += jnp.sum(y * y * dy)
  return loss


@engines
@pytest.mark.parametrize('groups', [None, PAIRS], ids=['all', 'pairs'])
def test_a_device_may_have_a_gamma_of_its_own(float64, spread, groups):
  """The gradient of the sum over devices by what each holds is that of autodiff."""
  by = (0, 1, 2)
  got = spread(jax.grad(functools.partial(loss_of_device, groups), by))(*make_shards())
  shards = jax.tree.map(jnp.asarray, make_shards())
  assert_close(got, jax.grad(functools.partial(loss_of_all, groups), by)(*shards))


@pytest.mark.parametrize('spread', [vmap, checked_shard_map])
def test_gammas_that_are_equal_by_chance_have_second_derivatives_of_their_own(
  float64, spread
):
  """As after `init`, where each is 1."""
  x, gamma, *others = make_shards()
  shards = x, np.ones_like(gamma), *others

  def penalty(loss, *of):
    return sum(map(jnp.sum, map(jnp.square, jax.grad(loss, (0, 1))(*of))))

  of_device = functools.partial(penalty, functools.partial(loss_of_device, None))
  of_all = functools.partial(penalty, functools.partial(loss_of_all, None))
  got = spread(jax.grad(of_device, (0, 1)))(*shards)
  expected = jax.grad(of_all, (0, 1))(*jax.tree.map(jnp.asarray, shards))
  assert_close(got, expected, 1e-9, 1e-9)


def test_a_beta_that_devices_share_beside_their_own_gammas_gets_the_sum(float64):
  """`shard_map` checks that it does."""
  x, gamma, _, dy, mask = make_shards()
  beta = np.array([0.5, -1.0, 2.0])
  gradient = jax.grad(functools.partial(loss_of_device, None), 2)
  step = lambda x, gamma, beta, dy, mask: gradient(x[0], gamma[0], beta, dy[0], mask[0])
  spec, mesh = P('devices'), Mesh(jax.devices(), ('devices',))
  specs = spec, spec, P(), spec, spec
  got = jax.jit(jax.shard_map(step, mesh=mesh, in_specs=specs, out_specs=P()))(
    x, gamma, beta, dy, mask
  )
  of_all = lambda beta: loss_of_all(
    None, x, gamma, jnp.tile(beta, (DEVICES, 1)), dy, mask
  )
  assert_allclose(got, jax.grad(of_all)(jnp.asarray(beta)), 1e-11, 1e-11)


def test_flax_has_the_same_gradient_for_gammas_of_devices(float64):
  x, gamma, beta, dy, _ = make_shards()
  layers = [
    (BatchNorm(axis_name='devices', epsilon=EPSILON), ('gamma', 'beta'), (True,)),
    (nn.BatchNorm(False, axis_name='devices', epsilon=EPSILON), ('scale', 'bias'), ()),
  ]

  def gradient(layer, names, arguments):
    stats = {'mean': jnp.zeros(3), 'var': jnp.ones(3)}

    def loss(x, gamma, beta, dy):
      variables = {'params': dict(zip(names, (gamma, beta))), 'batch_stats': stats}
      y, _ = layer.apply(variables, x, *arguments, mutable=['batch_stats'])
      return jnp.sum(y * y * dy)

    return vmap(jax.grad(loss, (0, 1, 2)))(x, gamma, beta, dy)

  with jax.numpy_dtype_promotion('standard'), jax.numpy_rank_promotion('allow'):
    theirs = gradient(*layers[1])
  assert_close(gradient(*layers[0]), theirs, 1e-9, 1e-9)


def test_a_group_of_which_nothing_counts_has_second_derivatives(float64):
  """Finite ones, y being gamma x / sqrt(epsilon) + beta; other groups are as alone."""
  x, gamma, beta, dy, _ = make_arguments((2, 6, 3), dtype='f8')
  mask = np.arange(2)[:, None, None] == np.zeros((2, 6, 1), int)

  def of_penalty(transform, *of):
    loss = lambda x, gamma, dy: jnp.sum(dy * transform(x, gamma) ** 2)
    penalty = lambda *of: jnp.sum(jax.grad(loss)(*of) ** 2)
    return jax.grad(penalty, (0, 1))(*of)

  whole = lambda x, gamma: batch_normalize(x, gamma, beta, mask, EPSILON)[0]
  alone = lambda x, gamma: batch_normalize(x, gamma, beta, None, EPSILON)[0]
  rows = lambda vector: jnp.broadcast_to(vector, (6, 3))
  fixed = lambda x, gamma: rows(gamma) * x / np.sqrt(EPSILON) + rows(beta)
  d_x, d_gamma = of_penalty(whole, x, gamma, dy)
  of_groups = [
    of_penalty(transform, x[i], gamma, dy[i])
    for i, transform in enumerate((alone, fixed))
  ]
  assert_close(d_x, np.stack([part[0] for part in of_groups]))
  assert_close(d_gamma, sum(part[1] for part in of_groups))


def test_no_gradient_flows_through_updated_batch_stats():
  """As docstring and page say; through those of Flax's layer one does."""
  x = make_arguments((6, 3))[0]

  def gradient(layer, train):
    variables = layer.init(jax.random.key(0), x, train)

    def tracked(x):
      _, new = layer.apply(variables, x, train, mutable=['batch_stats'])
      return sum(map(jnp.sum, jax.tree.leaves(new)))

    return jax.grad(tracked)(x)

  assert_array_equal(gradient(BatchNorm(), True), np.zeros_like(x))
  with jax.numpy_dtype_promotion('standard'), jax.numpy_rank_promotion('allow'):
    assert np.abs(gradient(nn.BatchNorm(), False)).max() > 1e-3
  for text in (BatchNorm.__doc__, (PROJECT / 'docs/layer.md').read_text()):
    assert 'No gradient flows through updated `batch_stats`' in ' '.join(text.split())
