"""A trained network and its data, to be evaluated with ever other statistics.

And what an analysis asks of a network before it begins.
"""

import copy
from typing import Any

from bn_repro.evaluate.network import Network
from bn_repro.models import networks
from bn_repro.run.errors import UserError
from bn_repro.training import experiment, parallel
from bn_repro.training.evaluator import OnExamples
from bn_repro.training.experiment import Experiment
from bn_repro.training.population import PopulationStatistics


class Subject:
  """A network, restored, with what it was trained and evaluated on.

  Attributes:
    network: the network.
    experiment: of its config, on one device.
    population_statistics: of the training set.
  """

  def __init__(self, network: Network):
    """Opens the data.

    Raises:
      UserError: they are not there, or the network has no statistics.
    """
    check_is_normalized(network)
    config = copy.deepcopy(network.config)
    config.num_devices = config.steps_per_call = 1
    self.network = network
    self.experiment = experiment.build(config)
    self.population_statistics = statistics_over(self.experiment)
    self._on_test_set = on_test_set(self.experiment)

  def accuracy(self, batch_stats: Any) -> float:
    """On the test set, 0 to 1, with these statistics."""
    found, _ = self._on_test_set(self.network.params, batch_stats)
    return found['accuracy']


def statistics_over(built: Experiment) -> PopulationStatistics:
  """Algorithm 2 over the training half of an experiment on one device."""
  on_device = parallel.replicate(built.feeds.train.examples, built.devices)
  return PopulationStatistics(built, on_device, lambda: None)


def on_test_set(built: Experiment) -> OnExamples:
  """Evaluation on the other half."""
  feed = built.feeds.test
  on_device = parallel.replicate(feed.examples, built.devices)
  return OnExamples(built, feed, on_device, lambda: None)


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
