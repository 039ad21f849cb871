"""What a config describes, built: devices, data and network of one run."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
from ml_collections import ConfigDict

from bn_repro import durations, models, parallel
from bn_repro.data.feeds import Feeds, open_feeds
from bn_repro.durations import Lengths
from bn_repro.errors import UserError


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
  parts = config.get('gradient_accumulation', 1)
  share = config.batch_size // len(devices)
  if share % parts:
    raise UserError(
      f'config.gradient_accumulation={parts} does not divide the {share} examples of '
      f'each of {len(devices)} device(s); choose a divisor'
    )
  groups = _normalization_groups(config, config.batch_size // parts, len(devices))
  feeds = open_feeds(config, devices)
  lengths = durations.lengths(config, feeds.train.num_examples)
  model = models.build(config, feeds.num_classes, groups)
  return Experiment(config, lengths, devices, model, feeds)


def _normalization_groups(config: ConfigDict, batch_size: int, num_devices: int) -> Any:
  """How examples share their moments; nothing for a network without BN."""
  if not config.model.batch_norm:
    return {}
  group = config.model.normalization_group
  return parallel.normalization_groups(group, batch_size, num_devices)
