"""The layer in other people's programs: wherever it runs, it is one big batch.

Value, gradient and `batch_stats` of `shard_map` with and without JAX's check of types,
`vmap`, and `jit` over a sharded batch are held to those of `BatchNorm()` on one device;
`pmap` is in test_batch_norm_parallel.py.
"""

import functools
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from batch_norm.test_parallel_layer import COLLECTIVE, take
from batch_norm.test_transform import assert_close
from bn_repro.batch_norm.layer import BatchNorm

DEVICES = 8
SHAPE = (24, 2, 2, 4)
PAIRS = ((0, 5), (2, 1), (4, 3), (6, 7))
TWO_AXES = (4, 2), ('rows', 'columns')


def make_problem():
  """Parameters, x whose shards differ much, dy, and a mask, one shard all masked."""
  rng = np.random.default_rng(0)
  gamma, beta = rng.normal(1, 0.5, (2, SHAPE[-1]))
  x, dy = rng.normal(size=(2, *SHAPE))
  x = (x + np.arange(len(x)).reshape(-1, 1, 1, 1)) * rng.uniform(0.5, 2, SHAPE[-1:])
  mask = rng.random(len(x)) < 0.6
  mask[3:6] = False
  return {'gamma': gamma, 'beta': beta}, x, dy, mask


def apply(layer, params, x, mask):
  """y and `batch_stats` of a training step from statistics 0 and 1."""
  shape = x.shape[1:] if layer.per_activation else x.shape[-1:]
  stats = {'mean': jnp.zeros(shape), 'var': jnp.ones(shape)}
  variables = {'params': params, 'batch_stats': stats}
  y, new = layer.apply(variables, x, train=True, mask=mask, mutable=['batch_stats'])
  return y, new['batch_stats']


def outcome(call, params, x, dy, mask):
  """y, `batch_stats`, and the gradients of sum(y * dy) by x and the parameters."""

  @jax.jit
  def step(params, x, dy, mask):
    of_mask = lambda params, x: call(params, x, mask)
    y, gradient, stats = jax.vjp(of_mask, params, x, has_aux=True)
    return y, stats, gradient(dy)

  return jax.device_get(step(params, x, dy, mask))


def in_shard_map(layer, check_vma, shape=(DEVICES,), names=('devices',)):
  """`BatchNorm` over shards; statistics are those of all devices, or of each group."""
  mesh = jax.make_mesh(shape, names, axis_types=(AxisType.Auto,) * len(names))
  is_apart = layer.axis_name is None or layer.axis_index_groups is not None

  def call(params, x, mask):
    y, stats = apply(layer, params, x, mask)
    return y, jax.tree.map(lambda leaf: leaf[None], stats) if is_apart else stats

  return jax.shard_map(
    call, mesh=mesh, in_specs=(P(), P(names), P(names)),
    out_specs=(P(names), P(names) if is_apart else P()), check_vma=check_vma,
  )  # fmt: skip


def in_vmap(layer, shape=(DEVICES,), names=('devices',)):
  """The same with one or several mapped axes of an array in place of devices."""
  mapped = functools.partial(apply, layer)
  for name in reversed(names):
    mapped = jax.vmap(mapped, in_axes=(None, 0, 0), axis_name=name)
  split = lambda a: a if a is None else a.reshape(*shape, -1, *a.shape[1:])

  def call(params, x, mask):
    y, stats = mapped(params, split(x), split(mask))
    of_devices = lambda leaf: leaf.reshape(DEVICES, *leaf.shape[len(shape) :])
    if layer.axis_index_groups is None:
      return y.reshape(x.shape), jax.tree.map(lambda s: of_devices(s)[0], stats)
    return y.reshape(x.shape), jax.tree.map(of_devices, stats)

  return call


def vmap_in_shard_map(layer, shape, names):
  """An axis of each kind: statistics merge over an array's axis and over devices."""
  mesh = jax.make_mesh(shape[:1], names[:1], axis_types=(AxisType.Auto,))

  def call(params, x, mask):
    inner = jax.vmap(functools.partial(apply, layer), (None, 0, 0), (0, None), names[1])
    split = lambda a: a.reshape(shape[1], -1, *a.shape[1:])
    y, stats = inner(params, split(x), split(mask))
    return y.reshape(x.shape), stats

  # JAX takes no collective along an axis of vmap where shard_map checks (0.8 to 0.12).
  return jax.shard_map(
    call, mesh=mesh, in_specs=(P(), P(names[0]), P(names[0])),
    out_specs=(P(names[0]), P()), check_vma=False,
  )  # fmt: skip


ENGINES = {
  'shard_map': lambda layer: in_shard_map(layer, True),
  'shard_map unchecked': lambda layer: in_shard_map(layer, False),
  'shard_map, two axes': lambda layer: in_shard_map(layer, True, *TWO_AXES),
  'shard_map unchecked, two axes': lambda layer: in_shard_map(layer, False, *TWO_AXES),
  'vmap': in_vmap,
  'vmap, two axes': lambda layer: in_vmap(layer, *TWO_AXES),
}  # fmt: skip
engines = pytest.mark.parametrize('engine', ENGINES)


def axes_of(engine):
  return TWO_AXES[1] if 'two axes' in engine else 'devices'


@pytest.mark.parametrize(
  'engine, masked',
  [(engine, True) for engine in (*ENGINES, 'vmap in shard_map')]
  + [('shard_map', False), ('vmap', False)],
)
def test_merged_shards_are_one_big_batch(float64, engine, masked):
  """Parameters that all devices share get the sum of the devices' gradients."""
  *problem, mask = make_problem()
  if engine == 'vmap in shard_map':
    call = vmap_in_shard_map(BatchNorm(axis_name=TWO_AXES[1]), *TWO_AXES)
  else:
    call = ENGINES[engine](BatchNorm(axis_name=axes_of(engine)))
  mask = mask if masked else np.full(len(mask), True)
  expected = outcome(functools.partial(apply, BatchNorm()), *problem, mask)
  assert_close(outcome(call, *problem, mask), expected)


@engines
def test_groups_of_devices_are_batches_of_their_own(float64, engine):
  """Each pair is one batch, in whatever order its devices are named."""
  params, x, dy, _ = make_problem()
  layer = BatchNorm(axis_name=axes_of(engine), axis_index_groups=PAIRS)
  y, stats, (d_params, d_x) = outcome(ENGINES[engine](layer), params, x, dy, None)
  shards = lambda a: a.reshape(DEVICES, -1, *a.shape[1:])
  total = jax.tree.map(np.zeros_like, params)
  whole = functools.partial(apply, BatchNorm())
  for pair in map(np.array, PAIRS):
    x_of, dy_of, y_of, d_x_of = (
      shards(a)[pair].reshape(-1, *SHAPE[1:]) for a in (x, dy, y, d_x)
    )
    expected = outcome(whole, params, x_of, dy_of, None)
    assert_close((y_of, d_x_of), (expected[0], expected[2][1]))
    assert_close(
      take(pair, stats), jax.tree.map(lambda s: np.stack([s, s]), expected[1])
    )
    total = jax.tree.map(np.add, total, expected[2][0])
  assert_close(d_params, total)


@engines
@pytest.mark.parametrize(
  'groups, message',
  [
    (((0, 1, 2, 3, 4, 5), (6, 7)), r'\[6, 2\] devices; all groups must have the same'),
    (((0, 1), (2, 3)), 'each of the 8 devices'),
    (((0, 1, 2, 3), (4, 5, 6, 6)), 'each of the 8 devices'),
  ],
  ids=['unequal', 'some_missing', 'one_twice'],
)
def test_groups_that_are_no_partition_are_refused(engine, groups, message):
  """In words, and before anything is computed."""
  params, x, *_ = make_problem()
  layer = BatchNorm(axis_name=axes_of(engine), axis_index_groups=groups)
  with pytest.raises(ValueError, match=message):
    jax.eval_shape(ENGINES[engine](layer), params, x, None)


@pytest.mark.parametrize('axis_name', ['rows', TWO_AXES[1]], ids=str)
def test_devices_that_hold_the_same_values_change_nothing(float64, axis_name):
  """Merged with itself a batch has the same moments, and y is still the same there."""
  params, x, dy, _ = make_problem()
  mesh = jax.make_mesh(*TWO_AXES, axis_types=(AxisType.Auto,) * 2)
  call = jax.shard_map(
    functools.partial(apply, BatchNorm(axis_name=axis_name)), mesh=mesh,
    in_specs=(P(), P('rows'), P()), out_specs=(P('rows'), P()),
  )  # fmt: skip
  y, stats, gradients = outcome(call, params, x, dy, None)
  whole = functools.partial(apply, BatchNorm())
  y_of, stats_of, gradients_of = outcome(whole, params, x, dy, None)
  assert_close((y, stats['mean'], gradients), (y_of, stats_of['mean'], gradients_of))


@pytest.mark.parametrize('check_vma', [True, False])
def test_without_an_axis_each_shard_is_a_batch(float64, check_vma):
  """In `shard_map`, too, where a parameter's gradient is still the sum."""
  params, x, dy, _ = make_problem()
  call = in_shard_map(BatchNorm(), check_vma)
  y, stats, (d_params, d_x) = outcome(call, params, x, dy, None)
  shards = lambda a: a.reshape(DEVICES, -1, *a.shape[1:])
  whole = functools.partial(apply, BatchNorm())
  outcomes = [outcome(whole, params, *of, None) for of in zip(shards(x), shards(dy))]
  for i, (y_of, stats_of, (_, d_x_of)) in enumerate(outcomes):
    got = shards(y)[i], take([i], stats), shards(d_x)[i]
    assert_close(got, (y_of, jax.tree.map(lambda s: s[None], stats_of), d_x_of))
  total = jax.tree.map(lambda *of: sum(of), *(of[2][0] for of in outcomes))
  assert_close(d_params, total)


def test_a_gradient_taken_inside_shard_map_is_the_sum_over_devices(float64):
  """As of any other parameter there: `check_vma` adds up what devices share."""
  params, x, dy, _ = make_problem()
  mesh = jax.make_mesh((DEVICES,), ('devices',), axis_types=(AxisType.Auto,))
  layer = BatchNorm(axis_name='devices')
  loss = lambda params, x, dy: jnp.sum(apply(layer, params, x, None)[0] * dy)
  inside = jax.shard_map(
    jax.grad(loss), mesh=mesh, in_specs=(P(), P('devices'), P('devices')), out_specs=P()
  )
  expected = outcome(functools.partial(apply, BatchNorm()), params, x, dy, None)
  assert_close(jax.device_get(jax.jit(inside)(params, x, dy)), expected[2][0])


def test_one_collective_each_way_in_shard_map():
  """The sums of the backward pass are the gradients by beta and gamma, too."""
  params, x, dy, _ = make_problem()
  call = in_shard_map(BatchNorm(axis_name='devices'), True)

  def both(params, x, dy):
    y, gradient, stats = jax.vjp(lambda *of: call(*of, None), params, x, has_aux=True)
    return y, stats, gradient(dy)

  forward = jax.jit(lambda params, x: call(params, x, None)).lower(params, x)
  number = lambda lowered: Counter(COLLECTIVE.findall(lowered.compile().as_text()))
  assert number(forward) == {'all-reduce': 1}
  x, dy = x.astype('f4'), dy.astype('f4')
  assert number(jax.jit(both).lower(params, x, dy)) == {'all-reduce': 2}


ALONG = P('rows'), P(('rows', 'columns')), P('rows', None, None, 'columns')
ATTRIBUTES = {}, {'group_size': 6}, {'per_activation': True}


@pytest.mark.parametrize(
  'kind, spec, attributes',
  [(AxisType.Explicit, spec, {'group_size': 6}) for spec in ALONG]
  + [(AxisType.Explicit, ALONG[2], of) for of in ({}, {'per_activation': True})]
  + [(AxisType.Explicit, ALONG[0], {})]
  + [(AxisType.Auto, ALONG[0], of) for of in ATTRIBUTES],
  ids=str,
)
def test_jit_over_a_sharded_batch_is_one_big_batch(float64, kind, spec, attributes):
  """However it lies on the devices, y and the gradient by x lie likewise."""
  params, x, dy, mask = make_problem()
  layer = BatchNorm(**attributes)
  if layer.per_activation:
    params = {name: np.tile(leaf, (2, 2, 1)) for name, leaf in params.items()}
  call = functools.partial(apply, layer)
  expected = outcome(call, params, x, dy, mask)
  mesh = jax.make_mesh(*TWO_AXES, axis_types=(kind, kind))
  put = lambda a, spec: jax.device_put(a, NamedSharding(mesh, spec))
  with jax.set_mesh(mesh):
    got = outcome(call, params, put(x, spec), put(dy, spec), put(mask, P(spec[0])))
  assert_close(got, expected)


def test_parameters_and_statistics_may_be_sharded_on_explicit_axes(float64):
  """Both in training and in inference; what is updated lies as it lay."""
  layer, x = BatchNorm(), make_problem()[1]
  variables = layer.init(jax.random.key(0), x, False)
  call = lambda variables, x: (
    layer.apply(variables, x, True, mutable=['batch_stats']),
    layer.apply(variables, x, False),
  )
  expected = call(variables, x)
  mesh = jax.make_mesh(*TWO_AXES, axis_types=(AxisType.Explicit,) * 2)
  by_feature, spec = NamedSharding(mesh, P('columns')), ALONG[2]
  with jax.set_mesh(mesh):
    x = jax.device_put(x, NamedSharding(mesh, spec))
    got = jax.jit(call)(jax.device_put(variables, by_feature), x)
  assert_close(got, expected)
  assert got[0][1]['batch_stats']['mean'].sharding.spec == by_feature.spec
