"""The Inception networks: BN's place, auxiliary heads, training and evaluation.

What is said of the full network comes from tracing it; nothing is compiled.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models.traced import build, count, leaves, outcome, shapes
from numpy.testing import assert_allclose, assert_array_equal

from bn_repro.batch_norm.layer import BatchNorm
from bn_repro.models import inception, layers
from bn_repro.models.inception import AUXILIARY_LOGITS
from bn_repro.models.layers import Convolution
from bn_repro.run.errors import UserError

# Batch normalization.


def test_only_the_logits_have_a_bias_with_batch_normalization():
  params = shapes(build('bn_baseline'))['params']
  assert [name for name in leaves(params) if name.endswith('bias')] == ['logits/bias']
  params = shapes(build('bn_baseline', auxiliary_heads=True))['params']
  biased = {name for name in leaves(params) if name.endswith('bias')}
  heads = {f'auxiliary_head_{row}/logits/bias' for row in ('4a', '4d')}
  assert biased == heads | {'logits/bias'}


@pytest.mark.parametrize('network', ['bn_baseline', 'bn_x5_sigmoid'])
def test_batch_normalization_is_between_each_convolution_and_nonlinearity(
  network, monkeypatch
):
  """69 times, and there is no other nonlinearity: the very arrays are handed on."""
  model, calls = build(network), []

  def record(call, args, kwargs, context):
    output = call(*args, **kwargs)
    is_call = context.method_name == '__call__'
    if is_call and isinstance(context.module, (BatchNorm, Convolution)):
      calls.append((type(context.module), args[0], output))
    return output

  def linear(x, *args, convolve=layers.convolve, **kwargs):
    calls.append((linear, x, convolve(x, *args, **kwargs)))
    return calls[-1][-1]

  def nonlinearity(x):
    calls.append((nonlinearity, x, g(x)))
    return calls[-1][-1]

  monkeypatch.setattr(layers, 'convolve', linear)
  g = layers.NONLINEARITIES[model.nonlinearity]
  for name in layers.NONLINEARITIES:
    other = lambda x: pytest.fail('the network has one nonlinearity')
    is_its = name == model.nonlinearity
    monkeypatch.setitem(layers.NONLINEARITIES, name, nonlinearity if is_its else other)
  with nn.intercept_methods(record):
    shapes(model, size=64)
  ends = [i for i, (layer, *_) in enumerate(calls) if layer is Convolution]
  assert len(ends) == 69
  assert sum(layer is BatchNorm for layer, *_ in calls) == 69
  assert sum(layer is nonlinearity for layer, *_ in calls) == 69
  for end in ends:
    first, normalized, nonlinear, whole = calls[end - 3 : end + 1]
    kinds = [layer for layer, *_ in (first, normalized, nonlinear)]
    assert kinds == [linear, BatchNorm, nonlinearity]
    assert normalized[1] is first[2] and nonlinear[1] is normalized[2]
    assert whole[2] is nonlinear[2]


@pytest.mark.parametrize('collection', ['params', 'batch_stats'])
def test_per_activation_rows_have_a_value_for_every_activation(collection):
  """Gamma and beta, or mean and variance, of 5b and of no other row."""
  whole = shapes(build())[collection]
  found = leaves(shapes(build(per_activation_rows=('5b',)))[collection])
  changed = {name for name, leaf in leaves(whole).items() if leaf != found[name]}
  # Seven convolutions, two values each.
  assert len(changed) == 14
  for name, leaf in found.items():
    channels = leaves(whole)[name].shape
    is_changed = name.startswith('5b/') and 'batch_norm' in name
    assert (name in changed) == is_changed
    assert leaf.shape == ((7, 7, *channels) if is_changed else channels)


# Auxiliary heads.


@pytest.mark.parametrize(
  'projection, parameters', [(96, (3_197_032,) * 2), (128, (3_197_032, 3_201_128))]
)
def test_auxiliary_heads_are_googlenets(projection, parameters):
  """On 4a and 4d, of the plain network: 576 channels, or 608 in 4d."""
  fields = {'pool_projection_4cd': projection}
  found = shapes(build('inception', auxiliary_heads=True, **fields))['params']
  heads = [found.pop(f'auxiliary_head_{row}') for row in ('4a', '4d')]
  assert tuple(map(count, heads)) == parameters
  # 4x4 locations after the pooling, of 128 channels.
  assert heads[0]['hidden']['convolution']['kernel'].shape == (1, 1, 2048, 1024)
  assert found == shapes(build('inception', **fields))['params']


@pytest.mark.slow
@pytest.mark.parametrize('network', ['inception', 'bn_x30'])
def test_auxiliary_logits_are_sown_in_training_alone(network):
  model = build(network, auxiliary_heads=True)
  _, sown = outcome(model, train=True)
  logits = jax.tree.leaves(sown[AUXILIARY_LOGITS])
  assert logits == 2 * [jax.ShapeDtypeStruct((2, 1000), jnp.float32)]
  _, sown = outcome(model, train=False)
  assert AUXILIARY_LOGITS not in sown


@pytest.mark.parametrize('train', [True, False])
def test_auxiliary_heads_need_a_map_of_5x5(train):
  """At 64 pixels 4a is 4x4: one line that says what to choose."""
  model = build('inception', auxiliary_heads=True)
  with pytest.raises(UserError, match=r'4a has 4x4; choose .*dataset\.size'):
    outcome(model, train, size=64)


def test_there_are_no_auxiliary_heads_by_default():
  params = shapes(build('inception'))['params']
  assert not [name for name in params if 'auxiliary' in name]
  assert AUXILIARY_LOGITS not in outcome(build('inception'), train=True)[1]


# Training and evaluation.


@pytest.fixture
def stem_only(monkeypatch):
  """A network without rows: quick to compile."""
  monkeypatch.setattr(inception, 'ROWS', ())

  def built(network, **overrides):
    model = build(network, 10, stem='small', width=0.25, **overrides)
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype('f4')
    return model, model.init(jax.random.key(0), images, train=False), images

  return built


@pytest.mark.slow
def test_values_are_dropped_in_training_alone(stem_only):
  """Another key drops others; evaluation takes no key at all."""
  model, variables, images = stem_only('inception')
  keys = map(jax.random.key, (1, 1, 2))
  first, same, other = (
    model.apply(variables, images, train=True, rngs={'dropout': key}) for key in keys
  )
  assert_array_equal(first, same)
  assert np.all(first != other)
  plain = model.clone(dropout=None).apply(variables, images, train=True)
  assert_array_equal(model.apply(variables, images, train=False), plain)
  assert np.all(first != plain)


@pytest.mark.slow
@pytest.mark.parametrize('share', [0.05, 0.4])
def test_the_share_of_dropped_values(stem_only, share):
  """Of the inputs of the softmax; the others are made larger by as much."""
  model, variables, _ = stem_only('inception', dropout=share)
  images, seen = np.ones((1000, 1, 1, 3), np.float32), {}

  def record(call, args, kwargs, context):
    seen[context.module.name] = call(*args, **kwargs)
    return seen[context.module.name]

  key = jax.random.key(0)
  with nn.intercept_methods(record):
    model.apply(variables, images, train=True, rngs={'dropout': key})
  before, after = np.asarray(seen['average']), np.asarray(seen['dropout'])
  used = before > 0
  kept = after[used] > 0
  assert kept.size > 10_000
  assert abs(np.mean(~kept) - share) < 0.02
  assert_allclose(after[used][kept], before[used][kept] / (1 - share), rtol=1e-6)


def test_larger_weights_are_those_of_the_convolutions(stem_only):
  """Four times the variance doubles the kernels of the same seed."""
  (_, usual, _), (_, larger, _) = (
    stem_only('bn_x30', weight_variance=variance) for variance in (2.0, 8.0)
  )
  usual, larger = leaves(usual['params']), leaves(larger['params'])
  for name, leaf in usual.items():
    factor = 2 if name.endswith('convolution/kernel') or 'depthwise' in name else 1
    assert_allclose(larger[name], factor * leaf, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize('network', ['inception', 'bn_baseline'])
def test_bfloat16_is_of_the_rows_alone(network):
  """Parameters, statistics and logits are float32; every row computes in bfloat16."""
  model, types = build(network, dtype='bfloat16', auxiliary_heads=True), {}

  def record(call, args, kwargs, context):
    output = call(*args, **kwargs)
    if context.method_name == '__call__':
      types.setdefault(context.module.name, output.dtype)
    return output

  with nn.intercept_methods(record):
    logits, updated = outcome(model, train=True)
  assert logits.dtype == jnp.float32
  for leaf in jax.tree.leaves((shapes(model), updated)):
    assert leaf.dtype == jnp.float32
  of_rows = (
    'convolution_1',
    'pool_1',
    'convolution_2',
    *(r.name for r in inception.ROWS),
  )
  assert {types[name] for name in of_rows} == {jnp.dtype('bfloat16')}
  assert types['average'] == types['auxiliary_head_4a'] == jnp.float32
