"""What a config describes, built: devices, data and network of one run."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
from ml_collections import ConfigDict

from bn_repro.data.feeds import Feeds, open_feeds
from bn_repro.models import networks
from bn_repro.run import durations
from bn_repro.run.durations import Lengths
from bn_repro.run.errors import UserError
from bn_repro.training import parallel


class Experiment(NamedTuple):
  """What one run trains: built once, changed by nothing."""

  config: ConfigDict
  lengths: Lengths
  devices: list[jax.Device]
  model: nn.Module
  feeds: Feeds


def build(config: ConfigDict) -> Experiment:
  """Opens the data and builds the network.

  Raises:
    UserError: the data set is missing or the devices do not fit the config.
  """
  devices = parallel.choose_devices(config.num_devices, config.batch_size)
  normalization_groups(config, len(devices))  # a mistake is told before data are read
  return with_feeds(config, devices, open_feeds(config, devices))


def with_feeds(
  config: ConfigDict, devices: list[jax.Device], feeds: Feeds
) -> Experiment:
  """Builds the network for data that are open already.

  Raises:
    UserError: the devices do not fit the config.
  """
  lengths = durations.lengths(config, feeds.train.num_examples)
  groups = normalization_groups(config, len(devices))
  model = networks.build(config, feeds.num_classes, groups)
  return Experiment(config, lengths, devices, model, feeds)


def normalization_groups(config: ConfigDict, num_devices: int) -> dict[str, Any]:
  """The attributes of `BatchNorm` that say which examples share their moments.

  Raises:
    UserError: a device's share is no whole number of parts, or of groups.
  """
  parts = config.get('gradient_accumulation', 1)
  share = config.batch_size // num_devices
  if share % parts:
    raise UserError(
      f'config.gradient_accumulation={parts} does not divide the {share} examples of '
      f'each of {num_devices} device(s); choose another config.num_devices, or, in '
      'another --workdir if the run has begun, a divisor'
    )
  if not config.model.batch_norm:
    return {}
  return parallel.normalization_groups(
    config.model.normalization_group, config.batch_size // parts, num_devices
  )
