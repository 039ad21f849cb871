"""The variants of section 4.1's network that configs/analysis make."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bn_repro.batch_norm.fold import fold
from bn_repro.models import networks
from bn_repro.models.mlp import NOISE, SIGMOID_INPUTS
from bn_repro.run import config as config_lib
from bn_repro.run.errors import UserError
from bn_repro.training.population import frozen
from support import FEW_STEPS, PROJECT

SIZES = {'model.hidden_sizes': (9, 8), 'model.init_std': 0.5}


def load(location, **overrides):
  """A small config of configs/analysis that was checked."""
  path = f'{PROJECT}/configs/analysis/{location}'
  config = config_lib.load(path, FEW_STEPS | SIZES | overrides)
  config_lib.check(config)
  return config


def build(location, **overrides):
  """The network and its initial variables."""
  model = networks.build(load(location, **overrides), num_classes=10)
  variables = networks.initial_variables(model, 3, (8, 8))
  variables.pop(SIGMOID_INPUTS)
  return model, variables


def run(model, variables, images, rngs=None):
  """Logits and sigmoid inputs in training."""
  logits, updated = model.apply(
    variables, images, train=True, rngs=rngs, mutable=['batch_stats', SIGMOID_INPUTS]
  )
  sown = updated[SIGMOID_INPUTS]
  return logits, [sown[name][0] for name in sorted(sown)]


@pytest.fixture
def images():
  return jnp.asarray(np.random.default_rng(0).random((20, 8, 8)), jnp.float32)


@pytest.mark.slow
@pytest.mark.parametrize('network', ['batch_norm', 'baseline'])
def test_unchanged_it_is_the_network_of_section_4_1(network, images):
  """Same weights, same logits: only the number of steps is another."""
  ours, variables = build(f'variants.py:{network}')
  config = config_lib.load(f'{PROJECT}/configs/mnist.py:{network}', FEW_STEPS | SIZES)
  papers = networks.build(config, num_classes=10)
  of_paper = networks.initial_variables(papers, 3, (8, 8))
  of_paper.pop(SIGMOID_INPUTS)
  jax.tree.map(np.testing.assert_array_equal, variables, of_paper)
  np.testing.assert_array_equal(
    run(ours, variables, images)[0], run(papers, of_paper, images)[0]
  )


def test_after_the_nonlinearity_inputs_of_the_next_layer_are_normalized(images):
  """z = BN(g(Wu + b)): the input of layer 2 is a map of values of mean 0."""
  model, variables = build('placement.py:after')
  assert 'bias' in variables['params']['hidden_1']
  _, (first, second) = run(model, variables, images)
  z = jax.nn.sigmoid(first)
  z = (z - z.mean(0, keepdims=True)) / jnp.sqrt(z.var(0, keepdims=True) + 1e-3)
  expected = z @ variables['params']['hidden_2']['kernel']
  np.testing.assert_allclose(second, expected, atol=1e-4)
  assert np.abs(np.asarray(first).mean(axis=0)).max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize('placement', ['before', 'after'])
def test_gamma_and_beta_can_be_left_out(placement):
  _, variables = build(f'placement.py:{placement}_without_gamma_and_beta')
  assert not any(name.startswith('batch_norm') for name in variables['params'])


@pytest.mark.slow
def test_a_bias_under_batch_normalization_gets_no_gradient(images):
  """Claim 7."""
  model, variables = build('placement.py:before_with_bias')

  def loss(params):
    logits, _ = run(model, variables | {'params': params}, images)
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - logits[:, 0])

  gradient = jax.grad(loss)(variables['params'])
  assert np.abs(gradient['hidden_1']['bias']).max() < 1e-7
  assert np.abs(gradient['hidden_1']['kernel']).max() > 1e-4


def test_the_second_layer_starts_from_scaled_weights():
  _, one = build('initial_scale.py:baseline,1')
  _, hundred = build('initial_scale.py:baseline,100')
  kernels = [
    [v['params'][f'hidden_{i}']['kernel'] for i in (1, 2)] for v in (one, hundred)
  ]
  np.testing.assert_array_equal(kernels[0][0], kernels[1][0])
  np.testing.assert_allclose(100 * kernels[0][1], kernels[1][1], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize('network', ['batch_norm', 'baseline'])
def test_noise_is_for_training_only(network, images):
  model, variables = build(f'optimization.py:{network}_noisy')
  plain, _ = build(f'optimization.py:{network}')
  one, two = (
    run(model, variables, images, {NOISE: jax.random.key(step)})[1][0]
    for step in (1, 2)
  )
  without = run(plain, variables, images)[1][0]
  assert np.abs(one - without).mean() > 0.1 and np.abs(one - two).mean() > 0.1
  np.testing.assert_array_equal(
    model.apply(variables, images, train=False),
    plain.apply(variables, images, train=False),
  )
  if network == 'batch_norm':  # nor for algorithm 2
    run(frozen(model), variables, images)


def test_dropout_drops_outputs_of_hidden_layers(images):
  model, variables = build('regularization.py:dropout', **{'variant.dropout': 0.5})
  plain, _ = build('regularization.py:groups_of_60')
  of_dropped, _ = run(model, variables, images, {'dropout': jax.random.key(0)})
  assert np.abs(of_dropped - run(plain, variables, images)[0]).max() > 0.1


@pytest.mark.parametrize(
  'location', ['placement.py:after', 'placement.py:before_with_bias', 'whitening.py']
)
def test_what_cannot_be_folded_is_refused(location):
  model, variables = build(location)
  with pytest.raises(UserError, match='this variant of the network cannot be folded'):
    fold(model, variables['params'], variables['batch_stats'])


def test_groups_are_for_batch_normalization():
  config = load('whitening.py', **{'model.normalization_group': 20})
  with pytest.raises(
    UserError, match='normalizes whole mini-batches on one device; set'
  ):
    networks.build(config, 10, {'group_size': 20})


def test_groups_of_a_device_each_are_refused_before_training(tmp_path):
  """Two devices would train them, and no evaluation with algorithm 2 could."""
  config = load('whitening.py', **{'model.normalization_group': 30, 'num_devices': 2})
  with pytest.raises(UserError, match=r'normalization_group=30 is not 0, .*whitening'):
    config_lib.check_workdir(config, tmp_path)
  config.model.normalization_group = config.batch_size  # all of them
  config_lib.check_workdir(config, tmp_path)


@pytest.mark.parametrize(
  'field, value, allowed',
  [
    ('variant.normalizer', 'layer_norm', 'one of batch_norm, whitening'),
    ('variant.placement', 'between', 'one of before, after'),
    ('variant.dropout', 1.0, 'from 0 to below 1'),
    ('variant.scale_of_layer_2', 0.0, 'from 1e-30'),
  ],
)
def test_bad_values_are_refused(field, value, allowed):
  with pytest.raises(UserError, match=allowed):
    load('variants.py', **{field: value})


def test_part_of_a_variant_is_refused():
  """The fields of a variant belong together."""
  config = config_lib.load(f'{PROJECT}/configs/analysis/variants.py', FEW_STEPS)
  with config.unlocked():
    del config.variant.noise
  with pytest.raises(UserError, match=r"lacks 'variant\.noise'"):
    config_lib.check(config)


def test_an_unknown_variant_is_named():
  with pytest.raises(UserError, match="no variant 'between'; there are before"):
    load('placement.py:between')
