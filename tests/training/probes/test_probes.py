"""Probes measure what they say, against gradients and Jacobians written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bn_repro.data import sampler
from bn_repro.models.mlp import SIGMOID_INPUTS
from bn_repro.run import config as config_lib
from bn_repro.run.errors import UserError
from bn_repro.training import experiment, identity, loop
from bn_repro.training.evaluator import Evaluator
from bn_repro.training.probes import covariate_shift, layer_jacobians
from bn_repro.training.probes.layer_jacobians import LayerJacobians
from bn_repro.training.probes.probes import PROBES, Probes
from bn_repro.training.step import initial_state
from support import FEW_STEPS, PROJECT

SIZES = {'model.hidden_sizes': (9, 8, 7), 'model.init_std': 0.5}
pytestmark = pytest.mark.usefixtures('quick_compiler')
BOTH = pytest.mark.parametrize('network', ['batch_norm', 'baseline'])


def built(variant, **overrides):
  """An experiment of configs/analysis, and a host state after no step."""
  location = f'{PROJECT}/configs/analysis/optimization.py:{variant}'
  config = config_lib.load(location, FEW_STEPS | SIZES | overrides)
  config_lib.check(config)
  made = experiment.build(config)
  return made, jax.device_get(initial_state(made))


def test_probes_need_whole_mini_batches(monkeypatch, tmp_path):
  """Of which each of several processes has its share alone; nothing is written."""
  made, _ = built('baseline')
  monkeypatch.setattr(jax, 'process_count', lambda: 2)
  with pytest.raises(UserError, match='run it with one process'):
    Probes(made)
  monkeypatch.setattr(identity, 'check_config', lambda config: None)
  with pytest.raises(UserError, match='run it with one process'):
    loop.train(made.config, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('field', ['placement', 'bias', 'normalizer'])
def test_what_cannot_be_folded_has_no_jacobians(field, tmp_path):
  """Which is known before a config.json would refuse the config that is advised."""
  value = {'placement': 'after', 'bias': True, 'normalizer': 'whitening'}[field]
  made, _ = built('batch_norm', **{f'variant.{field}': value})
  with pytest.raises(UserError, match='cannot be folded'):
    loop.train(made.config, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()


def test_groups_that_one_device_cannot_normalize_have_no_next_step(tmp_path):
  """Two devices standardize the halves that they hold; a probe has one device."""
  halves = {'num_devices': 2, 'model.normalization_group': 30}
  variant = {'variant.normalizer': 'centring', 'variant.gamma_and_beta': False}
  made, _ = built('batch_norm', probes=('landscape',), **halves, **variant)
  with pytest.raises(UserError, match='normalizes whole mini-batches on one device'):
    loop.train(made.config, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()


@pytest.mark.slow
@BOTH
def test_all_are_measured_at_every_evaluation(network):
  """Under tags of their own, beside the accuracy."""
  made, state = built(network)
  scalars, _ = Evaluator(made, made.feeds.train.examples)(state)
  expected = {
    f'covariate_shift/layer_{i}/{name}'
    for i in (1, 2, 3)
    for name in ('inputs', 'gradient', 'cosine')
  } | {'landscape/smoothness', 'jacobian/layer_2/percentile_50'}
  assert expected < scalars.keys() and 'test/accuracy' in scalars


def test_other_networks_have_none():
  location = f'{PROJECT}/configs/bn_x5.py:digits'
  config = config_lib.load(location)
  with config.unlocked():
    config.probes = ('covariate_shift',)
  with pytest.raises(UserError, match="'inception' has no field 'probes'"):
    config_lib.check(config)


def first_batch(made):
  """Of training."""
  inputs = made.feeds.train.inputs(range(1))
  only = jax.tree.map(lambda leaf: leaf[0], inputs)
  distortion = made.hyperparameters.distortion(sampler.TRAINING)
  return made.feeds.train.batch(made.feeds.train.examples, only, distortion)


def losses_and_inputs(made, params, batch):
  """Mean loss in training and the sigmoid inputs, of one mini-batch."""
  logits, sown = made.model.apply(
    {'params': params, 'batch_stats': {}} if made.model.batch_norm is None
    else {'params': params, 'batch_stats': initial_state(made).batch_stats},
    batch.images, train=True, mutable=['batch_stats', SIGMOID_INPUTS],
  )  # fmt: skip
  logs = jax.nn.log_softmax(logits)[jnp.arange(len(batch.labels)), batch.labels]
  return -jnp.mean(logs), [sown[SIGMOID_INPUTS][f'sigmoid_{i}'][0] for i in (1, 2, 3)]


@pytest.mark.slow
@BOTH
def test_the_gradient_of_a_layer_once_those_before_it_have_moved(network):
  """Santurkar et al.'s definition, with plain descent written out, for layer 3."""
  made, state = built(network, learning_rate=0.7)
  found = PROBES['covariate_shift'](made)(state, None)
  batch = first_batch(made)
  gradient_of = jax.grad(lambda p: losses_and_inputs(made, p, batch)[0])
  gradient = gradient_of(state.params)
  stepped = jax.tree.map(lambda w, g: w - np.float32(0.7) * g, state.params, gradient)
  early = [n for n in state.params if n.endswith(('_1', '_2'))]
  moved = gradient_of(state.params | {n: stepped[n] for n in early})
  names = [n for n in sorted(state.params) if n.endswith('_3')]
  before, after = (
    np.concatenate([np.ravel(leaf) for n in names for leaf in jax.tree.leaves(g[n])])
    for g in (gradient, moved)
  )
  norms = np.linalg.norm(before), np.linalg.norm(after)
  apart = np.linalg.norm(after - before) / norms[0]
  assert apart > 1e-3
  assert found['covariate_shift/layer_3/gradient'] == pytest.approx(apart, rel=1e-3)
  cosine = before @ after / (norms[0] * norms[1])
  assert found['covariate_shift/layer_3/cosine'] == pytest.approx(cosine, rel=1e-3)
  _, inputs_before = losses_and_inputs(made, state.params, batch)
  _, inputs_after = losses_and_inputs(made, stepped, batch)
  distances = [
    stats.wasserstein_distance(b, a) / np.std(b)
    for b, a in zip(np.float64(inputs_before[2]).T, np.float64(inputs_after[2]).T)
  ]
  measured = found['covariate_shift/layer_3/inputs']
  assert measured == pytest.approx(np.mean(distances), rel=1e-3)


@pytest.mark.slow
@BOTH
def test_nothing_comes_before_the_first_layer(network):
  made, state = built(network)
  found = PROBES['covariate_shift'](made)(state, None)
  assert found['covariate_shift/layer_1/gradient'] == 0
  assert found['covariate_shift/layer_1/cosine'] == pytest.approx(1, abs=1e-6)
  assert found['covariate_shift/layer_1/inputs'] > 0


def test_without_a_step_nothing_moves():
  made, state = built('batch_norm', learning_rate=1e-20)
  found = PROBES['covariate_shift'](made)(state, None)
  for i in (1, 2, 3):
    assert found[f'covariate_shift/layer_{i}/gradient'] == 0
    assert found[f'covariate_shift/layer_{i}/inputs'] == 0


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_distance_is_wassersteins(seed):
  before, after = np.random.default_rng(seed).normal(size=(2, 30, 4))
  expected = [
    stats.wasserstein_distance(b, a) / b.std() for b, a in zip(before.T, after.T)
  ]
  found = covariate_shift.wasserstein(jnp.float32(before), jnp.float32(after))
  assert found == pytest.approx(np.mean(expected), rel=1e-4)


def test_a_shift_of_all_values_is_its_own_distance():
  values = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
  shifted = values + np.float32(2) * values.std(axis=0)
  assert covariate_shift.wasserstein(values, shifted) == pytest.approx(2, rel=1e-5)


def random_statistics(stats):
  """Means and variances far from 0 and 1."""
  generator = np.random.default_rng(5)
  value = lambda path, leaf: (
    np.exp(generator.normal(size=leaf.shape))
    if path[-1].key == 'var'
    else generator.normal(size=leaf.shape)
  ).astype(np.float32)
  return jax.tree.map_with_path(value, stats)


@BOTH
def test_singular_values_are_those_of_the_derivative(network):
  """By automatic differentiation of layer 3, written out with its BN."""
  made, state = built(network)
  population = random_statistics(state.batch_stats)
  found = LayerJacobians(made)(state, population)
  images = made.feeds.test.examples.images > 127
  _, sown = made.model.apply(
    {'params': state.params, 'batch_stats': population},
    images.astype(np.float32), train=False, mutable=[SIGMOID_INPUTS],
  )  # fmt: skip
  before, after = (sown[SIGMOID_INPUTS][f'sigmoid_{i}'][0] for i in (2, 3))

  def layer(a):
    u = jax.nn.sigmoid(a) @ state.params['hidden_3']['kernel']
    if not population:
      return u + state.params['hidden_3']['bias']
    moments, bn = population['batch_norm_3'], state.params['batch_norm_3']
    epsilon = made.config.model.epsilon
    u = (u - moments['mean']) / jnp.sqrt(moments['var'] + epsilon)
    return u * bn['gamma'] + bn['beta']

  np.testing.assert_allclose(jax.vmap(layer)(before), after, rtol=1e-4, atol=1e-5)
  examples = before[: layer_jacobians.JACOBIANS]
  jacobians = np.asarray(jax.vmap(jax.jacrev(layer))(examples), np.float64)
  before, after = np.asarray(before), np.asarray(after)
  scaled = jacobians * before.std(axis=0) / after.std(axis=0)[:, None]
  values = np.linalg.svd(scaled, compute_uv=False)
  for percentile in (10, 50, 90):
    measured = found[f'jacobian/layer_3/percentile_{percentile}']
    assert measured == pytest.approx(np.percentile(values, percentile), rel=1e-3)


def test_an_orthogonal_layer_keeps_all_lengths():
  """Where the sigmoid is linear: its slope is 1/4, which the standard deviation is
  divided by again.
  """
  generator = np.random.default_rng(0)
  before = 1e-3 * generator.normal(size=(2000, 6))
  kernel = np.linalg.qr(generator.normal(size=(6, 6)))[0]
  after = (before / 4) @ kernel
  values = layer_jacobians.singular_values(kernel, before, after)
  np.testing.assert_allclose(values, 1, rtol=0.1)


@pytest.mark.slow
@BOTH
def test_the_landscape_is_that_along_plain_descent(network):
  """Loss and gradient after 0, 1/2, 1, 2 and 4 steps of the rate, written out."""
  made, state = built(network, learning_rate=0.3)
  found = PROBES['landscape'](made)(state, None)
  batch = first_batch(made)
  look = jax.value_and_grad(lambda p: losses_and_inputs(made, p, batch)[0])
  loss, gradient = look(state.params)
  losses, moved, ways = [loss], [], []
  for multiple in (0.5, 1, 2, 4):
    way = jax.tree.map(lambda g, by=multiple: np.float32(-0.3 * by) * g, gradient)
    loss, there = look(jax.tree.map(np.add, state.params, way))
    losses.append(loss)
    moved.append(flat(there) - flat(gradient))
    ways.append(flat(way))
  farthest = max(map(np.linalg.norm, moved))
  steepest = max(np.linalg.norm(m) / np.linalg.norm(w) for m, w in zip(moved, ways))
  expected = {
    'landscape/loss_range': max(losses) - min(losses),
    'landscape/gradient_distance': farthest,
    'landscape/gradient_change': farthest / np.linalg.norm(flat(gradient)),
    'landscape/smoothness': steepest,
  }
  assert found == {n: pytest.approx(float(v), rel=1e-3) for n, v in expected.items()}


def flat(tree):
  return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


@pytest.mark.slow
def test_noise_moves_the_inputs_of_sigmoids_between_steps():
  """Covariate shift put back: far more than the step itself moves them."""
  still, noisy = (
    PROBES['covariate_shift'](made)(state, None)['covariate_shift/layer_2/inputs']
    for made, state in (built('batch_norm'), built('batch_norm_noisy'))
  )
  assert noisy > 5 * still


def test_parameter_norms_are_those_of_the_hidden_layers():
  made, state = built('baseline')
  found = PROBES['parameter_norms'](made)(state, None)
  assert len(found) == 6
  kernel = np.asarray(state.params['hidden_2']['kernel'], np.float64)
  norm = found['parameter_norms/hidden_2/kernel']
  assert norm == pytest.approx(np.sqrt(np.sum(kernel**2)))
  assert found['parameter_norms/hidden_2/bias'] == 0
