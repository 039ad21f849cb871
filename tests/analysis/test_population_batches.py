"""The number of mini-batches is measured as it says: disjoint draws, deviations."""

import jax
import numpy as np
import pytest

from bn_repro.analysis import population_batches
from bn_repro.evaluate.network import restore
from bn_repro.paper.analysis_page import TABLES
from bn_repro.run.errors import UserError
from bn_repro.training import experiment
from bn_repro.training.population import PopulationStatistics
from evaluate.saved import save_run
from support import small_config

NUMBERS = (1, 2, 6)


@pytest.fixture(scope='module')
def network(tmp_path_factory):
  config = small_config('batch_norm', **{'model.hidden_sizes': (7,)})
  return restore(save_run(config, tmp_path_factory.mktemp('runs') / 'run'))


@pytest.fixture(scope='module')
def found(network):
  return population_batches.measure(network, NUMBERS, draws=2)


def test_the_average_over_all_is_algorithm_2_over_as_many(network, found):
  """12 mini-batches; its accuracy is that of `PopulationStatistics`."""
  config = small_config(
    'batch_norm', num_devices=1, population_batches=12, **{'model.hidden_sizes': (7,)}
  )
  built = experiment.build(config)
  compute = PopulationStatistics(built, built.feeds.train.examples, lambda: None)
  statistics = jax.device_get(compute(network.params, network.batch_stats))
  subject = population_batches.Subject(network)
  assert found['mini_batches_of_reference'] == 12
  assert found['accuracy_of_reference'] == subject.accuracy(statistics)


def test_deviations_are_those_of_the_averages(network, found):
  """From the statistics of single mini-batches, by their definition."""
  subject = population_batches.Subject(network)
  of_each = [
    {k: np.asarray(v, np.float64) for k, v in statistics['batch_norm_1'].items()}
    for statistics in subject.population_statistics.of_single_mini_batches(
      network.params, network.batch_stats, range(12)
    )
  ]
  mean, var = (np.stack([s[name] for s in of_each]) for name in ('mean', 'var'))
  scale = var.mean(axis=0) + network.config.model.epsilon
  for row in found['rows']:
    number = row['mini_batches']
    draws = [slice(i * number, (i + 1) * number) for i in range(2)]
    of_mean = [(mean[d].mean(0) - mean.mean(0)) / np.sqrt(scale) for d in draws]
    of_var = [(var[d].mean(0) - var.mean(0)) / scale for d in draws]
    expected = [np.sqrt(np.mean(np.square(values))) for values in (of_mean, of_var)]
    np.testing.assert_allclose(
      [row['deviation_of_mean'], row['deviation_of_variance']], expected, rtol=1e-9
    )
    assert len(row['accuracies']) == 2


def test_the_table_has_a_row_for_each_number(found):
  lines = TABLES['population_batches'](found).splitlines()
  assert [line.split('|')[1].strip() for line in lines[2:]] == ['1', '2', '6']


def test_a_whitened_network_has_no_variances(network):
  whitened = network._replace(batch_stats={'layer': {'mean': 0, 'covariance': 0}})
  with pytest.raises(UserError, match='statistics covariance, mean; choose a run'):
    population_batches.measure(whitened)


def test_a_network_without_batch_normalization(tmp_path):
  network = restore(save_run(small_config('baseline'), tmp_path / 'run'))
  with pytest.raises(UserError, match='without batch normalization; choose a run'):
    population_batches.measure(network)
