"""What `parallel_cost.py` and `parallel_growth.py` look at: a step of BN-x5 on noise.

  ours         `BatchNorm` of bn_repro/batch_norm/layer.py
  flax         flax.linen.BatchNorm(axis_name) as it comes, E[x^2] - E[x]^2
  flax exact   flax.linen.BatchNorm(axis_name, use_fast_variance=False), two passes

Does not know what is counted or measured.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import numpy as np
from ml_collections import ConfigDict

from bn_repro.data import resident, sources
from bn_repro.data.feeds import Feeds
from bn_repro.run import config as config_lib
from bn_repro.training import parallel
from bn_repro.training.experiment import Experiment, normalization_groups, with_feeds

DEVICES = 8
IMAGES_PER_DEVICE = 32
# How many devices normalize together; 0 for all.
NORMALIZATIONS = {'per device': 1, 'two devices': 2, 'global': 0}
# Whether Flax's layer is to use its fast variance.
FAST_VARIANCE = {'flax': True, 'flax exact': False}
LAYERS = ('ours', *FAST_VARIANCE)


def config_of(
  dataset: str, together: int, width: float | None = None, num_devices: int = DEVICES
) -> ConfigDict:
  """BN-x5 on so many devices, of which so many normalize together; 0 for all."""
  location = config_lib.PROJECT / 'configs' / f'bn_x5.py:{dataset}'
  config = config_lib.load(str(location))
  config.num_devices = num_devices
  config.batch_size = num_devices * IMAGES_PER_DEVICE
  config.model.normalization_group = together * IMAGES_PER_DEVICE
  config.model.width = width or config.model.width
  return config


def experiment_of(config: ConfigDict, layer: str = 'ours') -> Experiment:
  """What `experiment.build` builds, on noise, with one of `LAYERS`."""
  size, num_classes = config.dataset.size, config.dataset.num_classes
  pixels = np.random.default_rng(0).integers(
    0, 256, (DEVICES * IMAGES_PER_DEVICE, size, size, 3), np.uint8
  )
  labels = np.arange(len(pixels), dtype=np.int32) % num_classes
  devices = parallel.choose_devices(config.num_devices, config.batch_size)
  feed = resident.ResidentImages(sources.Examples(pixels, labels), config, devices)
  feeds = Feeds(feed, feed, num_classes, (size, size, 3))
  built = with_feeds(config, devices, feeds)
  if layer not in FAST_VARIANCE:
    return built
  groups = normalization_groups(config, len(devices))
  of_flax = flax_layer(config, FAST_VARIANCE[layer], groups)
  return built._replace(model=built.model.clone(batch_norm=of_flax))


def flax_layer(
  config: ConfigDict, use_fast_variance: bool, groups: dict[str, Any]
) -> Callable:
  """Makes Flax's layer, given its name, to be called as ours is."""

  def make(name):
    layer = nn.BatchNorm(
      momentum=config.model.decay, epsilon=config.model.epsilon,
      use_fast_variance=use_fast_variance, name=name, **groups,
    )  # fmt: skip
    return lambda x, train: layer(x, use_running_average=not train)

  return make
