"""What `BatchNorm` takes and refuses, masks of locations, and the page for users."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from batch_norm.test_layer import infer, random_variables, train, values
from batch_norm.test_transform import assert_close, reference
from bn_repro.batch_norm.layer import BatchNorm
from bn_repro.run.errors import UserError
from support import PROJECT

X = values((8, 2, 3, 4), 'f4')


def refuses(message, layer, x=X, mask=None, train=True):
  """Holds init and apply, in training and inference, to one line with the message."""
  variables = random_variables(BatchNorm(), X)
  for call in (
    lambda: layer.init(jax.random.key(0), x, train, mask),
    lambda: layer.apply(variables, x, train, mask, mutable=['batch_stats']),
    lambda: layer.apply(variables, x, False, mask),
  ):
    with pytest.raises(UserError, match=message) as error:
      call()
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
  'mask',
  [
    np.ones(4, bool), np.ones(16, bool), np.ones(1, bool), np.array(True),
    np.ones((8, 1), bool), np.ones((8, 2), bool), np.ones((2, 3), bool),
    np.ones((8, 3, 2), bool), np.ones((8, 1, 1, 1), bool), np.ones(X.shape, bool),
    np.ones((8, 2, 3), bool),
  ],
  ids=lambda mask: str(mask.shape),
)  # fmt: skip
@pytest.mark.parametrize('per_activation', [False, True])
def test_a_mask_of_another_shape_is_refused_with_both_shapes(mask, per_activation):
  """It is never repeated, cut or broadcast to fit."""
  both = re.escape(f'{mask.shape} for x of shape (8, 2, 3, 4); it must be of shape ')
  allowed = re.escape('(8,), an example each')
  refuses(both + allowed, BatchNorm(per_activation=per_activation), mask=mask)


@pytest.mark.parametrize('dtype', ['float32', 'int32', 'uint8', 'bfloat16'])
def test_a_mask_of_numbers_is_refused(dtype):
  """Weights would be taken for True."""
  mask = jnp.ones(8, dtype)
  refuses(rf'mask is {dtype} of shape \(8,\) for x of .* must be bool', BatchNorm(),
          mask=mask)  # fmt: skip


@pytest.mark.parametrize('name', ['decay', 'epsilon'])
@pytest.mark.parametrize(
  'value', [-0.1, float('nan'), float('inf'), None, '0.9', True, (0.9,)], ids=repr
)
def test_a_number_out_of_range_is_refused(name, value):
  """So is what is no number, such as the first argument of Flax's layer."""
  refuses(f'{name}=.* of BatchNorm must be', BatchNorm(**{name: value}))


@pytest.mark.parametrize('attributes', [{'decay': 1.001}, {'epsilon': 0}])
def test_a_number_just_out_of_range_is_refused(attributes):
  refuses('must be', BatchNorm(**attributes))


@pytest.mark.parametrize('decay', [0, 1, np.float32(0.5), np.float64(0.5)], ids=repr)
def test_ends_of_the_range_and_numbers_of_numpy_are_taken(decay):
  """At 1 nothing moves, at 0 nothing stays."""
  layer = BatchNorm(decay=decay, epsilon=np.float64(1e-3))
  variables = random_variables(layer, X)
  old = variables['batch_stats']['mean']
  _, stats = train(layer, variables, X)
  now = X.mean((0, 1, 2))
  assert_allclose(stats['mean'], decay * old + (1 - decay) * now, rtol=1e-6)


@pytest.mark.parametrize('size', [0, -1, 2.0, True, '2'], ids=repr)
def test_a_group_size_that_is_no_number_of_examples_is_refused(size):
  refuses(
    'group_size=.* must be a number of examples, 1 or', BatchNorm(group_size=size)
  )


@pytest.mark.parametrize('dtype', ['uint8', 'int32', 'bool', 'complex64'])
def test_what_is_not_floating_point_is_refused_with_what_to_do(dtype):
  refuses(f'x is {dtype}; .*astype', BatchNorm(), x=jnp.ones(X.shape, dtype))


@pytest.mark.parametrize('shape', [(), (4,)], ids=str)
@pytest.mark.parametrize('per_activation', [False, True])
def test_too_few_axes_are_refused(shape, per_activation):
  message = re.escape(f'x has shape {shape}; batch normalization takes [batch, ...,')
  layer = BatchNorm(per_activation=per_activation)
  refuses(message, layer, x=np.ones(shape, 'f4'))


@pytest.mark.parametrize('shape', [(8, 0), (8, 2, 3, 0), (8, 0, 4), (0, 3, 0)], ids=str)
@pytest.mark.parametrize('per_activation', [False, True])
def test_examples_without_values_are_refused(shape, per_activation):
  """They have no moments, and no shape of parameters."""
  message = re.escape(f'x has shape {shape}; it must have values')
  layer = BatchNorm(per_activation=per_activation)
  refuses(message, layer, x=np.ones(shape, 'f4'))


@pytest.mark.parametrize('per_activation', [False, True])
@pytest.mark.parametrize('group_size', [None, 2])
def test_no_examples_infer_to_nothing_and_cannot_train(per_activation, group_size):
  layer = BatchNorm(per_activation=per_activation, group_size=group_size)
  x = np.ones((0, 2, 4), 'f4')
  variables = layer.init(jax.random.key(0), x, train=True)
  assert layer.apply(variables, x, train=False).shape == x.shape
  with pytest.raises(UserError, match='m > 1 values'):
    train(layer, variables, x)


@pytest.mark.parametrize(
  'value', [None, 'no', 2, [False], np.ones(8, bool), jnp.ones(8, bool)], ids=str
)
def test_a_train_that_is_neither_true_nor_false_is_refused(value):
  """None would infer, 'no' would train, and a mask may stand in its place."""
  with pytest.raises(UserError, match=r'train is .*; it must be True or False'):
    BatchNorm().apply(random_variables(BatchNorm(), X), X, value)


@pytest.mark.parametrize('axis_name', [(), '', 3, ('devices', 0), ('',)], ids=repr)
def test_what_names_no_axis_is_refused(axis_name):
  refuses('axis_name=.* must be the name', BatchNorm(axis_name=axis_name))


def test_statistics_of_other_features_are_refused():
  """Without gamma and beta nothing else would notice."""
  layer = BatchNorm(use_gamma=False, use_beta=False)
  variables = random_variables(layer, X[..., :1])
  for call in (infer, train):
    with pytest.raises(UserError, match=r'of shape \(1,\) and x needs \(4,\)'):
      call(layer, variables, X)


def test_a_traced_train_is_refused_with_what_to_do():
  layer = BatchNorm()
  variables = random_variables(layer, X)
  with pytest.raises(UserError, match=r'train is traced.*static_argnames'):
    jax.jit(layer.apply)(variables, X, train=True)


@pytest.mark.parametrize('groups', [3, ((0, 1), 2), (('a',), ('b',)), ()], ids=repr)
def test_what_are_no_groups_is_refused(groups):
  layer = BatchNorm(axis_name='devices', axis_index_groups=groups)
  refuses('axis_index_groups', layer)


def test_groups_without_an_axis_and_an_axis_that_is_not_there_are_refused():
  """Under `jit` alone there is no axis to name, which the message says."""
  refuses('axis_name, which is not set', BatchNorm(axis_index_groups=((0,), (1,))))
  layer = BatchNorm(axis_name='devices')
  with pytest.raises(UserError, match=r"axis_name='devices' is no axis .* under jit"):
    train(layer, random_variables(layer, X), X)


# Masks of the positions of sequences.


def test_a_mask_of_positions_is_one_of_two_shapes():
  x, mask = jnp.ones((8, 5, 4)), np.ones((5, 8), bool)
  allowed = re.escape('(8,), an example each, or (8, 5), a position each')
  refuses(allowed, BatchNorm(), x=x, mask=mask)


@pytest.mark.parametrize('groups', [1, 2])
def test_a_mask_of_positions_leaves_out_their_values(float64, groups):
  """Output, gradient and `batch_stats` are of the positions that count."""
  shape = (6, 5, 3)
  x, dy = values((2, *shape))
  mask = np.random.default_rng(0).random(shape[:-1]) < 0.5
  layer = BatchNorm(decay=0, group_size=None if groups == 1 else 6 // groups)
  variables = random_variables(layer, x)
  y, gradient, stats = jax.vjp(
    lambda x: train(layer, variables, x, mask), x, has_aux=True
  )
  rows = lambda a: a.reshape(groups, -1, a.shape[-1])
  at = variables['params']['gamma'], variables['params']['beta']
  expected = reference(rows(x), *at, rows(dy), rows(mask[..., None]))
  assert_close((rows(y), rows(gradient(dy)[0])), (expected.y, expected.d_x))
  counted = [part[which[:, 0]] for part, which in zip(rows(x), rows(mask[..., None]))]
  assert_close(stats['mean'], np.mean([part.mean(0) for part in counted], 0))
  assert_close(stats['var'], np.mean([part.var(0, ddof=1) for part in counted], 0))


def test_per_activation_an_activation_counts_where_its_position_does(float64):
  """Each in as many examples as it counts in; one that counts in one stays."""
  x, dy = values((2, 6, 4, 3))
  mask = np.random.default_rng(0).random((6, 4)) < 0.6
  mask[:, 0] = np.arange(6) == 2
  layer = BatchNorm(decay=0, per_activation=True)
  variables = random_variables(layer, x)
  y, gradient, stats = jax.vjp(
    lambda x: train(layer, variables, x, mask), x, has_aux=True
  )
  d_x, at = gradient(dy)[0], variables['params']
  for position in range(4):
    of = np.s_[:, position]
    counts = mask[of][:, None]
    gamma, beta = (at[name][position] for name in ('gamma', 'beta'))
    expected = reference(x[of], gamma, beta, dy[of], counts)
    assert_close((y[of], d_x[of]), (expected.y, expected.d_x))
    here = {name: leaf[position] for name, leaf in stats.items()}
    old = {name: leaf[position] for name, leaf in variables['batch_stats'].items()}
    counted = x[of][counts[:, 0]]
    if len(counted) > 1:
      assert_close(here, {'mean': counted.mean(0), 'var': counted.var(0, ddof=1)})
    else:
      assert_close(here, old, 0, 0)


def test_per_activation_with_positions_over_devices_is_one_big_batch(float64):
  """Moments merge by the number that counts for each activation."""
  x = values((8, 3, 4, 3))
  mask = np.random.default_rng(0).random((8, 3, 4)) < 0.6
  whole, layer = (
    BatchNorm(decay=0, per_activation=True, axis_name=axis)
    for axis in (None, 'devices')
  )
  variables = random_variables(whole, x[0])
  step = functools.partial(train, layer, variables)
  y, stats = jax.vmap(step, axis_name='devices')(x, mask)
  flat = lambda a: a.reshape(-1, *a.shape[2:])
  y_of, stats_of = train(whole, variables, flat(x), flat(mask))
  assert_close(
    (flat(y), stats), (y_of, jax.tree.map(lambda s: np.stack([s] * 8), stats_of))
  )


# Derivatives in forward mode.


def test_forward_mode_is_as_the_docstring_says(float64):
  """A TypeError in training; what it names instead gives the same Hessian."""
  assert 'Forward mode is not supported in training' in ' '.join(
    BatchNorm.__doc__.split()
  )
  layer, x, v = BatchNorm(), values((6, 2)), values((6, 2), seed=1)
  variables = random_variables(layer, x)
  f = lambda x: jnp.sum(train(layer, variables, x)[0] ** 3)
  with pytest.raises(TypeError, match='forward-mode'):
    jax.jvp(f, (x,), (v,))
  gradient = jax.jit(jax.grad(f))
  hessian = jax.jit(jax.jacrev(gradient))(x)
  product = jax.jit(jax.grad(lambda x: jnp.vdot(gradient(x), v)))(x)
  h = 1e-5
  by_differences = (gradient(x + h * v) - gradient(x - h * v)) / (2 * h)
  assert np.abs(product).max() > 0.1
  assert_allclose(product, by_differences, rtol=1e-5, atol=1e-5)
  assert_allclose(jnp.tensordot(hessian, v, 2), product, rtol=1e-9, atol=1e-9)
  _, tangent = jax.jvp(lambda x: infer(layer, variables, x), (x,), (v,))
  assert_close(tangent, infer(layer, variables, x + v) - infer(layer, variables, x))


# The page for users.


def test_the_page_runs_as_it_is_printed():
  """docs/layer.md: ten lines and the imports; then algorithm 2, which is right."""
  blocks = re.findall(
    r'```python\n(.*?)```', (PROJECT / 'docs/layer.md').read_text(), re.S
  )
  assert len(blocks) == 2
  lines = [line for line in blocks[0].splitlines() if line and 'import' not in line]
  assert len(lines) == 10
  space = {}
  with jax.numpy_dtype_promotion('standard'), jax.numpy_rank_promotion('allow'):
    for block in blocks:
      exec(block, space)
  x, stats = np.asarray(space['x']), space['new']['batch_stats']['BatchNorm_0']
  assert space['y'].shape == (32, 10)
  assert np.abs(stats['mean']).max() > 0
  means = x.reshape(4, -1).astype('f8')
  assert_allclose(space['population']['mean'], [means.mean()], rtol=1e-4, atol=1e-6)
  assert_allclose(space['population']['var'], [means.var(1, ddof=1).mean()], rtol=1e-4)
  frozen = space['frozen']['batch_stats']
  assert_array_equal(frozen['mean'], [0])
