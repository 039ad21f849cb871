"""The network of section 4.1."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bn_repro.models import networks
from bn_repro.models.mlp import SIGMOID_INPUTS


def build(config, network, **overrides):
  """The network for MNIST and its variables at the config's seed."""
  config.model.batch_norm = network == 'batch_norm'
  config.update_from_flattened_dict(overrides)
  model = networks.build(config, num_classes=10)
  variables = model.init(jax.random.key(3), jnp.zeros((1, 28, 28)), train=False)
  variables.pop(SIGMOID_INPUTS)  # sown by `init` too
  return model, variables


def count(tree):
  return sum(leaf.size for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize(
  'network, parameters, statistics',
  [('baseline', 99_710, 0), ('batch_norm', 100_010, 600)],
)
def test_parameter_counts(config, network, parameters, statistics):
  _, variables = build(config, network)
  assert count(variables['params']) == parameters
  assert count(variables.get('batch_stats', {})) == statistics


def test_both_networks_start_from_the_same_weights(config):
  _, plain = build(config, 'baseline')
  _, normalized = build(config, 'batch_norm')
  for layer in ('hidden_1', 'hidden_2', 'hidden_3', 'logits'):
    np.testing.assert_array_equal(
      plain['params'][layer]['kernel'], normalized['params'][layer]['kernel']
    )


def test_no_bias_under_batch_normalization(config):
  _, variables = build(config, 'batch_norm')
  biased = {name for name, layer in variables['params'].items() if 'bias' in layer}
  assert biased == {'logits'}


@pytest.mark.parametrize('std', [0.01, 1.0])
def test_weights_are_gaussian_with_the_given_deviation(config, std):
  _, variables = build(config, 'baseline', **{'model.init_std': std})
  kernel = np.asarray(variables['params']['hidden_1']['kernel'])
  assert abs(kernel.std() / std - 1) < 0.01
  assert abs(kernel.mean() / std) < 0.01
  assert np.abs(kernel).max() > 3.5 * std  # not truncated


def test_forward_is_the_papers_formula(config):
  """z = g(Wu + b) in each hidden layer, then the logits."""
  model, variables = build(config, 'baseline', **{'model.init_std': 0.1})
  images = np.random.default_rng(0).random((5, 28, 28), np.float32)
  u = images.reshape(5, -1).astype(np.float64)
  for layer in ('hidden_1', 'hidden_2', 'hidden_3'):
    weights = {k: np.asarray(v) for k, v in variables['params'][layer].items()}
    u = 1 / (1 + np.exp(-(u @ weights['kernel'] + weights['bias'])))
  logits = u @ np.asarray(variables['params']['logits']['kernel'])
  computed = model.apply(variables, images, train=False)
  np.testing.assert_allclose(computed, logits, atol=2e-6)


def test_sigmoid_inputs_are_normalized_in_training(config):
  model, variables = build(config, 'batch_norm')
  images = np.random.default_rng(0).random((60, 28, 28), np.float32)
  _, sown = model.apply(
    variables, images, train=True, mutable=['batch_stats', SIGMOID_INPUTS]
  )
  assert set(sown[SIGMOID_INPUTS]) == {'sigmoid_1', 'sigmoid_2', 'sigmoid_3'}
  (inputs,) = sown[SIGMOID_INPUTS]['sigmoid_1']
  np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-5)
  np.testing.assert_allclose(inputs.std(axis=0), 1, atol=0.02)
