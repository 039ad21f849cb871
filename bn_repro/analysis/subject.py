"""What analyses share: the network they examine, its data, and checks of it."""

from typing import Any

import jax
import numpy as np

from bn_repro.data.feed import Batch
from bn_repro.data.feeds import open_feeds
from bn_repro.evaluate.network import Network
from bn_repro.models import networks
from bn_repro.run.errors import UserError
from bn_repro.training.evaluator import ExampleEvaluator
from bn_repro.training.experiment import first_examples, on_one_device
from bn_repro.training.population import PopulationStatistics


class Subject:
  """A trained network with its data, on one device, for any set of statistics."""

  def __init__(self, network: Network):
    check_is_normalized(network)
    self.network = network
    self.experiment = on_one_device(network.config)
    self.population_statistics = PopulationStatistics(self.experiment)
    self._on_test_set = ExampleEvaluator(self.experiment, self.experiment.feeds.test)

  def accuracy(self, batch_stats: Any) -> float:
    """On the test set, 0 to 1, with these statistics."""
    means, _ = self._on_test_set(self.network.params, batch_stats)
    return means['accuracy']


def mlp(network: Network) -> Network:
  """Section 4.1's network without dropout or noise: training is algorithm 1 alone."""
  if network.config.model.name != 'mlp':
    raise UserError(
      f'{network.workdir} holds no network of section 4.1; choose a run of '
      'configs/mnist.py'
    )
  return network._replace(model=networks.without_noise(network.model))


def check_is_normalized(network: Network) -> None:
  """Raises UserError unless it has batch normalization."""
  if not network.batch_stats:
    raise UserError(
      f'{network.workdir} holds a network without batch normalization; choose a run '
      'that has it'
    )


def examples(network: Network, part: str, number: int) -> Batch:
  """The first `number` examples of the 'train' or 'test' set; not distorted."""
  devices = jax.local_devices()[:1]
  feed = getattr(open_feeds(network.config, devices), part)
  return first_examples(feed, number, devices)


def root_mean_square(values: np.ndarray) -> float:
  """Of all values."""
  return float(np.sqrt(np.mean(values * values)))
