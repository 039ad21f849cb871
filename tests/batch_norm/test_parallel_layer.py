"""One normalization group spread over devices: the same numbers, one collective.

The moments merge over a named axis, whoever made it: `pmap`, `shard_map`, `vmap`.
"""

import re
from collections import Counter

import flax.linen as nn
import jax
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from batch_norm.test_transform import assert_close
from bn_repro.batch_norm.layer import BatchNorm

DEVICES = 8
SHARD = (3, 2, 2, 4)
# An operation of the program as traced, "stablehlo.all_gather"(...), or as compiled,
# ... all-gather(...), which may be in two halves, all-gather-start and -done.
COLLECTIVE = re.compile(
  r'(?: |stablehlo\.)((?:all|reduce|collective)-'
  r'(?:gather|reduce|to-all|scatter|permute|broadcast))(?:-start)?"?\('
)


def pmap(f):
  return jax.pmap(f, axis_name='devices')


def vmap(f):
  return jax.jit(jax.vmap(f, axis_name='devices'))


def shard_map(f):
  """Like the other two: f takes and returns arrays without the device axis."""
  of_shard = lambda *of: jax.tree.map(
    lambda leaf: leaf[None], f(*jax.tree.map(lambda leaf: leaf[0], of))
  )
  mesh, spec = Mesh(jax.devices(), ('devices',)), PartitionSpec('devices')
  return jax.jit(
    jax.shard_map(of_shard, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)
  )


def training_step(layer, dtype='f8'):
  """A function of (x, dy, mask): output, statistics, gradients by x and parameters.

  The gradients by parameters are of this device's outputs, summed over nothing.
  """
  rng = np.random.default_rng(1)
  gamma, beta = rng.normal(1, 0.5, (2, SHARD[-1])).astype(dtype)
  stats = {'mean': np.zeros_like(gamma), 'var': np.ones_like(gamma)}

  def step(x, dy, mask):
    def call(x, params):
      variables = {'params': params, 'batch_stats': stats}
      y, new = layer.apply(variables, x, train=True, mask=mask, mutable=['batch_stats'])
      return y, new['batch_stats']

    y, gradient, new = jax.vjp(call, x, {'gamma': gamma, 'beta': beta}, has_aux=True)
    return y, new, *gradient(dy)

  return step


def make_shards(counts=(3,) * DEVICES):
  """x, dy `[devices, *SHARD]` and a mask: shard i has `counts[i]` examples.

  The shards differ in mean and variance, so that means of means will not do.
  """
  rng = np.random.default_rng(0)
  center, width = rng.uniform(0.5, 5, (2, DEVICES, 1, 1, 1, 1))
  x, dy = rng.normal(size=(2, DEVICES, *SHARD))
  mask = np.arange(SHARD[0]) < np.array(counts)[:, None]
  return center + width * x, dy, mask


on_one_device = jax.jit(training_step(BatchNorm()))


def take(devices, tree):
  return jax.tree.map(lambda leaf: np.asarray(leaf)[list(devices)], tree)


def assert_is_one_batch(outcome, shards):
  """Holds what devices computed to one device with all of their examples.

  Statistics are the same everywhere, gradients by parameters a sum over devices.
  """
  devices = len(shards[0])
  y, stats, d_x, d_params = take(range(devices), outcome)
  x, dy, mask = (of.reshape(-1, *of.shape[2:]) for of in shards)
  of_all = jax.tree.map(lambda leaf: leaf.sum(0), d_params)
  got = y.reshape(x.shape), stats, d_x.reshape(x.shape), of_all
  y, stats, *gradients = on_one_device(x, dy, mask)
  everywhere = jax.tree.map(lambda leaf: np.stack([leaf] * devices), stats)
  assert_close(got, (y, everywhere, *gradients))


@pytest.mark.parametrize(
  'counts',
  [(3,) * DEVICES, (3, 1, 2, 3, 2, 1, 1, 3), (0, 3, 1, 3, 2, 0, 3, 1)],
  ids=['equal', 'unequal', 'some_empty'],
)
@pytest.mark.parametrize('spread', [pmap, shard_map, vmap])
def test_shards_are_one_big_batch(float64, spread, counts):
  """Output, statistics and gradients, masked values' outputs and gradients too."""
  shards = make_shards(counts)
  step = training_step(BatchNorm(axis_name='devices'))
  assert_is_one_batch(spread(step)(*shards), shards)


def test_without_a_mask_shards_are_one_big_batch(float64):
  x, dy, mask = make_shards()
  step = training_step(BatchNorm(axis_name='devices'))
  outcome = pmap(lambda x, dy: step(x, dy, None))(x, dy)
  assert_is_one_batch(outcome, (x, dy, mask))


@pytest.mark.parametrize('groups', [((0, 2, 4, 6), (1, 3, 5, 7)), None])
def test_devices_that_do_not_merge_are_batches_of_their_own(float64, groups):
  """Groups of devices by `axis_index_groups`; each device without an axis name."""
  shards = make_shards((3, 1, 2, 3, 2, 1, 1, 3))
  layer = BatchNorm(axis_name='devices' if groups else None, axis_index_groups=groups)
  outcome = pmap(training_step(layer))(*shards)
  for group in groups or [[i] for i in range(DEVICES)]:
    assert_is_one_batch(take(group, outcome), take(group, shards))


def test_one_value_per_device_is_enough_if_devices_merge():
  """m counts the values of all devices of a group."""
  x = np.ones((DEVICES, 1, 4), 'f4')

  def train(**attributes):
    layer = BatchNorm(**attributes)
    variables = layer.init(jax.random.key(0), x[0], train=False)
    step = lambda x: layer.apply(variables, x, train=True, mutable=['batch_stats'])[0]
    return pmap(step)(x)

  assert train(axis_name='devices').shape == x.shape
  singles = tuple((i,) for i in range(DEVICES))
  for attributes in ({}, {'axis_name': 'devices', 'axis_index_groups': singles}):
    with pytest.raises(ValueError, match='m > 1'):
      train(**attributes)


def test_init_needs_no_axis():
  """Variables are made outside of `pmap`, where the axis has no name yet."""
  layer = BatchNorm(axis_name='devices')
  stats = layer.init(jax.random.key(0), np.ones(SHARD, 'f4'), train=True)['batch_stats']
  assert_close(stats, {'mean': np.zeros(4), 'var': np.ones(4)}, 0, 0)


# Collectives in the compiled program.


class Stack(nn.Module):
  """Layers of BN and a sigmoid."""

  layers: int
  axis_name: str | None

  @nn.compact
  def __call__(self, x):
    for _ in range(self.layers):
      x = nn.sigmoid(BatchNorm(axis_name=self.axis_name)(x, train=True))
    return x


def collectives(layers, axis_name, backward):
  """How often each kind occurs in the program as traced, and as compiled.

  Gradients by parameters stay on their device.
  """
  stack, x = Stack(layers, axis_name), make_shards()[0].astype('f4')
  variables = stack.init(jax.random.key(0), x[0])

  def forward(x, params):
    of = {**variables, 'params': params}
    return stack.apply(of, x, mutable=['batch_stats'])

  def forward_and_backward(x, params):
    y, gradient, stats = jax.vjp(forward, x, params, has_aux=True)
    return y, gradient(y), stats

  step = forward_and_backward if backward else forward
  traced = pmap(lambda x: step(x, variables['params'])).lower(x)
  texts = traced.as_text().replace('_', '-'), traced.compile().as_text()
  return [Counter(COLLECTIVE.findall(text)) for text in texts]


@pytest.mark.parametrize('layers', [1, 3])
def test_one_collective_per_layer_and_direction(layers):
  """An all-gather of the moments forward, an all-reduce of two sums backward."""
  forward = {'all-gather': layers}
  both = {'all-gather': layers, 'all-reduce': layers}
  assert collectives(layers, 'devices', False) == [forward, forward]
  assert collectives(layers, 'devices', True) == [both, both]


def test_normalization_per_device_has_no_collective():
  assert collectives(3, None, True) == [{}, {}]
