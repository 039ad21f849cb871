"""A trained network with its data, evaluated with different sets of statistics.

And what analyses share: checks of a network, and the root mean square.
"""

from typing import Any

import numpy as np

from bn_repro.evaluate.network import Network
from bn_repro.models import networks
from bn_repro.run.errors import UserError
from bn_repro.training.evaluator import ExampleEvaluator
from bn_repro.training.experiment import on_one_device
from bn_repro.training.population import PopulationStatistics


class Subject:
  """A restored network, with the data that it was trained and evaluated on.

  Attributes:
    network: the network.
    experiment: of its config, on one device.
    population_statistics: of the training set.
  """

  def __init__(self, network: Network):
    """Opens the data."""
    check_is_normalized(network)
    self.network = network
    self.experiment = on_one_device(network.config)
    self.population_statistics = PopulationStatistics(self.experiment)
    self._on_test_set = ExampleEvaluator(self.experiment, self.experiment.feeds.test)

  def accuracy(self, batch_stats: Any) -> float:
    """On the test set, 0 to 1, with these statistics."""
    means, _ = self._on_test_set(self.network.params, batch_stats)
    return means['accuracy']


def root_mean_square(values: np.ndarray) -> float:
  """Of all values."""
  return float(np.sqrt(np.mean(values * values)))


def without_noise(network: Network) -> Network:
  """The same without dropout or noise, so that training mode is algorithm 1 alone."""
  return network._replace(model=networks.without_noise(network.model))


def check_is_mlp(network: Network) -> None:
  """Raises UserError unless it is the network of section 4.1."""
  if network.config.model.name != 'mlp':
    raise UserError(
      f'{network.workdir} holds no network of section 4.1; choose a run of '
      'configs/mnist.py'
    )


def check_has_gamma_and_beta(network: Network) -> None:
  """Raises UserError unless its normalization has both."""
  if not {'gamma', 'beta'} <= {*network.params.get('batch_norm_1', ())}:
    raise UserError(
      f'{network.workdir} holds a network without gamma and beta; choose a run that '
      'has them'
    )


def check_is_normalized(network: Network) -> None:
  """Raises UserError unless it has batch normalization."""
  if not network.batch_stats:
    raise UserError(
      f'{network.workdir} holds a network without batch normalization; choose a run '
      'that has it'
    )
