"""Everything that a config describes: devices, data, network and learning rates."""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
from ml_collections import ConfigDict

from bn_repro.data.feed import Batch, Feed
from bn_repro.data.feeds import Feeds, open_feeds
from bn_repro.data.resident import ResidentImages
from bn_repro.data.sources import Examples
from bn_repro.models import networks
from bn_repro.run import durations
from bn_repro.run.durations import Lengths
from bn_repro.run.errors import UserError
from bn_repro.training import hyperparameters, optimizer, parallel
from bn_repro.training.hyperparameters import Hyperparameters
from bn_repro.training.optimizer import LearningRates


class Experiment(NamedTuple):
  """Everything that one run needs, built from its config. Immutable.

  `parts`: how many a mini-batch is split into; their gradients are accumulated.
  """

  config: ConfigDict
  lengths: Lengths
  devices: list[jax.Device]
  parts: int
  model: nn.Module
  hyperparameters: Hyperparameters
  learning_rates: LearningRates
  feeds: Feeds


def build(config: ConfigDict) -> Experiment:
  """Opens the data and builds the rest."""
  devices = parallel.choose_devices(config.num_devices, config.batch_size)
  normalization_groups(config, len(devices))  # a mistake is known before data are read
  return with_feeds(config, devices, open_feeds(config, devices))


def on_one_device(config: ConfigDict, **fields: Any) -> Experiment:
  """The experiment of a config on one device, a step at a time, with other fields."""
  config = copy.deepcopy(config)
  config.update(num_devices=1, steps_per_call=1, **fields)
  return build(config)


def with_examples(
  config: ConfigDict,
  examples: Examples,
  num_classes: int,
  make_feed: Callable[..., Feed] = ResidentImages,
  lengths: Lengths | None = None,
) -> Experiment:
  """The experiment of a config on examples in memory, for training and evaluation."""
  devices = parallel.choose_devices(config.num_devices, config.batch_size)
  feed = make_feed(examples, config, devices)
  feeds = Feeds(feed, feed, num_classes, examples.images.shape[1:])
  return with_feeds(config, devices, feeds, lengths)


def with_feeds(
  config: ConfigDict,
  devices: list[jax.Device],
  feeds: Feeds,
  lengths: Lengths | None = None,
) -> Experiment:
  """The experiment of a config on open data; `lengths` replaces those of the data."""
  lengths = lengths or durations.lengths(config, feeds.train.num_examples)
  groups = normalization_groups(config, len(devices))
  return Experiment(
    config,
    lengths,
    devices,
    num_parts(config),
    networks.build(config, feeds.num_classes, groups),
    hyperparameters.of_run(config),
    optimizer.learning_rates(config, lengths),
    feeds,
  )


def num_parts(config: ConfigDict) -> int:
  """`Experiment.parts`; 1 where a config has no such field."""
  return config.get('gradient_accumulation', 1)


def normalization_groups(config: ConfigDict, num_devices: int) -> dict[str, Any]:
  """The attributes of `BatchNorm` that say which examples are normalized together."""
  parts = num_parts(config)
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


def first_examples(feed: Feed, number: int, devices: list[jax.Device]) -> Batch:
  """The first `number` examples, or all; not distorted, on the first device.

  Without those that do not count. `devices` are those of the feed, all of one process.
  """
  number = min(number, feed.num_examples)
  # As a feed gives each of its devices the same number of examples.
  size = -(-number // len(devices)) * len(devices)
  examples = parallel.replicate(feed.examples, devices[:1])
  inputs = next(iter(feed.inputs_in_order(size, stop=number)))
  is_counted = np.asarray(inputs.counts)
  if not is_counted.all():
    inputs = jax.tree.map(lambda leaf: leaf[is_counted], inputs)
  return feed.batch(examples, inputs, None)
