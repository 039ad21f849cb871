"""Folded networks answer as before, to rounding; nothing of BN is left in them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fake_experiment import only_rows, small
from hypothesis import given, settings
from hypothesis import strategies as st

from bn_repro.batch_norm import transform
from bn_repro.batch_norm.fold import affine, fold
from bn_repro.models import networks
from bn_repro.models.describe import input_of
from evaluate.saved import random_variables
from support import small_config

pytestmark = pytest.mark.usefixtures('quick_compiler')
FAMILY = (
  'inception:{}', 'bn_baseline:{}', 'bn_x5:{}', 'bn_x30:{}', 'bn_x5_sigmoid:{}',
  'inception_x5:{}', 'inception_sigmoid:{}', *(f'ensemble:{m},{{}}' for m in '123456'),
)  # fmt: skip


@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 2**32 - 1), st.floats(1e-5, 1.0))
def test_scale_and_shift_are_the_last_step_of_algorithm_2(seed, epsilon):
  """gamma / sqrt(Var + epsilon) * x + (beta - ...), as `normalize` computes it."""
  x, gamma, beta, mean = np.random.default_rng(seed).normal(size=(4, 3, 5))
  gamma, beta, mean = gamma[0], beta[0], mean[0]
  var = np.exp(beta)
  scale, shift = affine(
    {'gamma': gamma, 'beta': beta}, {'mean': mean, 'var': var}, epsilon
  )
  expected = transform.normalize(x, mean, var, gamma, beta, epsilon)
  np.testing.assert_allclose(scale * x + shift, expected, rtol=1e-4, atol=1e-4)


def test_a_layer_without_gamma_and_beta():
  scale, shift = affine({}, {'mean': np.array([2.0]), 'var': np.array([3.0])}, 1.0)
  assert (scale, shift) == (0.5, -1.0)


def both_logits(config):
  """Of random variables and images, before and after folding; and what is folded."""
  size, num_classes = input_of(config)
  model = networks.build(config, num_classes)
  variables = random_variables(model, size, seed=1)
  images = np.random.default_rng(2).uniform(-1, 1, (3, *size)).astype(np.float32)
  params, stats = variables['params'], variables['batch_stats']
  folded, kept = fold(model, params, stats)
  call = jax.jit(functools.partial(model.apply, train=False))
  before = call({'params': params, 'batch_stats': stats}, images)
  after = jax.jit(functools.partial(folded.apply, train=False))(
    {'params': kept}, images
  )
  return np.asarray(before), np.asarray(after), kept


def assert_same(before, after, tolerance):
  assert after.dtype == np.float32 and np.ptp(before) > 0.01
  scale = np.abs(before).max()
  np.testing.assert_allclose(after, before, rtol=0, atol=tolerance * scale)


def test_variables_on_a_device_do_as_well():
  size, num_classes = input_of(config := small_config('batch_norm'))
  model = networks.build(config, num_classes)
  on_host = random_variables(model, size, seed=1)
  on_device = jax.device_put(on_host)
  found = [fold(model, v['params'], v['batch_stats'])[1] for v in (on_host, on_device)]
  jax.tree.map(np.testing.assert_array_equal, *found)


def names_of(params):
  return {
    part.key for path, _ in jax.tree.leaves_with_path(params) for part in path
  }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize('name', FAMILY)
def test_every_config_of_section_4_2(name, monkeypatch):
  """Of rows 3c and 5b, the one that some members of the ensemble treat otherwise."""
  only_rows(monkeypatch, '3c', '5b')
  before, after, kept = both_logits(small(name))
  assert_same(before, after, 1e-5)
  assert names_of(kept).isdisjoint({'gamma', 'beta', 'mean', 'var'})


@pytest.mark.slow
def test_bfloat16(monkeypatch):
  """To the rounding of 8 bits: weights are rounded after the scale, not before."""
  only_rows(monkeypatch, '3c', '5b')
  before, after, _ = both_logits(small('bn_x5:{}', **{'model.dtype': 'bfloat16'}))
  assert_same(before, after, 0.05)


@pytest.mark.slow
def test_the_whole_depth():
  """Rows 3a to 5a are those of BN-x5; 5b normalizes every activation."""
  before, after, _ = both_logits(small('ensemble:6,{}'))
  assert_same(before, after, 1e-4)


@pytest.mark.parametrize('network', ['batch_norm', 'baseline'])
def test_the_network_of_section_4_1(network):
  before, after, kept = both_logits(small_config(network))
  assert_same(before, after, 1e-5)
  assert {'hidden_1', 'logits'} <= kept.keys()


def test_only_layers_of_one_scale_an_activation_keep_theirs(monkeypatch):
  only_rows(monkeypatch, '3c', '5b')
  _, _, kept = both_logits(small('ensemble:4,{}'))
  assert 'scale' in names_of(kept['5b']) and 'scale' not in names_of(kept['3c'])


def test_auxiliary_heads_are_left_out():
  """They serve training only, and have no population statistics."""
  config = small(
    'bn_baseline:{}', **{'model.auxiliary_heads': True, 'dataset.size': 40}
  )
  size, num_classes = input_of(config)
  model = networks.build(config, num_classes)
  variables = random_variables(model, size, seed=0)
  stats = {k: v for k, v in variables['batch_stats'].items() if 'auxiliary' not in k}
  folded, kept = fold(model, variables['params'], stats)
  assert not any('auxiliary' in name for name in kept)
  image = jax.ShapeDtypeStruct((1, *size), jnp.float32)
  shape = jax.eval_shape(
    lambda images: folded.apply({'params': kept}, images, train=False), image
  )
  assert shape.shape == (1, num_classes)
