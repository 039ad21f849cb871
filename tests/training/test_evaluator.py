"""Accuracy uses algorithm 2, and counts each test example once."""

import jax
import numpy as np
import pytest

from bn_repro.data import sampler, sources
from bn_repro.models import networks
from bn_repro.training import experiment, percentiles
from bn_repro.training.evaluator import Evaluator
from bn_repro.training.step import initial_state


def evaluator_of(config):
  """An evaluator, its feed, and a host state with weights of the seed."""
  built = experiment.build(config)
  feed = built.feeds.train
  state = jax.device_get(initial_state(built))
  return Evaluator(built, feed.examples), feed, state


def evaluated(config):
  """What the evaluator returns for the initial weights."""
  evaluator, _, state = evaluator_of(config)
  return evaluator(state)


def test_population_statistics_are_algorithm_2(config):
  """E[x] and m/(m-1) E[var] over mini-batches, in float64, for the first layer."""
  evaluator, feed, state = evaluator_of(config)
  found = evaluator.population_statistics(state.params, state.batch_stats)
  indices = feed.inputs(range(config.population_batches), sampler.POPULATION).indices
  images = sources.load('digits').train.images[indices] > 127
  kernel = state.params['hidden_1']['kernel'].astype(np.float64)
  x = images.reshape(5, 60, 64) @ kernel
  layer = found['batch_norm_1']
  np.testing.assert_allclose(layer['mean'], x.mean(axis=(0, 1)), rtol=1e-4, atol=1e-6)
  variance = x.var(axis=1, ddof=1).mean(axis=0)
  np.testing.assert_allclose(layer['var'], variance, rtol=1e-4)


def test_population_statistics_do_not_depend_on_the_moving_average(config):
  evaluator, _, state = evaluator_of(config)
  other = jax.tree.map(lambda leaf: leaf + 3, state.batch_stats)
  found, same = (
    evaluator.population_statistics(state.params, stats)
    for stats in (state.batch_stats, other)
  )
  jax.tree.map(np.testing.assert_array_equal, found, same)


@pytest.mark.slow
@pytest.mark.parametrize('chunk', [7, 359, 360, 1000])
def test_every_test_example_counts_once(config, chunk):
  """Accuracy and inputs do not depend on how the test set is cut."""
  whole, all_inputs = evaluated(config)
  config.evaluation_batch_size = chunk
  scalars, inputs = evaluated(config)
  assert inputs.shape == (360, 100)
  assert scalars['test/accuracy'] == whole['test/accuracy']
  np.testing.assert_allclose(scalars['test/loss'], whole['test/loss'], rtol=1e-5)
  np.testing.assert_allclose(inputs, all_inputs, atol=1e-4)


def logits_of(config, params, images):
  """Of the plain network, `[images, 10]` float64."""
  binary = (images > 127).astype(np.float32)
  model = networks.build(config, 10)
  return np.asarray(model.apply({'params': params}, binary, train=False), np.float64)


def test_accuracy_and_loss_are_the_models(config):
  """Against NumPy, for the plain network."""
  config.model.batch_norm = False
  evaluator, _, state = evaluator_of(config)
  scalars, _ = evaluator(state)
  test = sources.load('digits').test
  logits = logits_of(config, state.params, test.images)
  log_sum = np.log(np.exp(logits).sum(axis=1))
  losses = log_sum - logits[np.arange(360), test.labels]
  assert scalars['test/accuracy'] == np.mean(logits.argmax(axis=1) == test.labels)
  np.testing.assert_allclose(scalars['test/loss'], losses.mean(), rtol=1e-5)
  assert 'test/accuracy_moving_average' not in scalars
  assert 'train/accuracy_undistorted' not in scalars


@pytest.mark.parametrize('number', [1, 60, 100, 5000])
def test_accuracy_on_the_first_training_images(config, number):
  """Of as many as the config asks for, however mini-batches are cut."""
  config.model.batch_norm = False
  config.evaluation_batch_size = 60
  with config.unlocked():
    config.training_images_evaluated = number
  evaluator, _, state = evaluator_of(config)
  scalars, _ = evaluator(state)
  train = sources.load('digits').train
  answers = logits_of(config, state.params, train.images).argmax(axis=1)
  expected = np.mean((answers == train.labels)[:number])
  assert scalars['train/accuracy_undistorted'] == expected


def test_percentiles_of_a_known_distribution():
  inputs = np.stack([np.arange(101.0), 2 * np.arange(101.0)], axis=1)
  np.testing.assert_allclose(
    percentiles.percentiles(inputs), [[15, 30], [50, 100], [85, 170]]
  )
