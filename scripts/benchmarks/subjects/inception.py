"""The networks of figure 5 on noise, as benchmarks train them.

ours         `BatchNorm` of bn_repro/batch_norm/layer.py
flax         flax.linen.BatchNorm as it comes, E[x^2] - E[x]^2
flax exact   flax.linen.BatchNorm(use_fast_variance=False), two passes
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from ml_collections import ConfigDict
from subjects import noise

from bn_repro.data.resident import ResidentImages
from bn_repro.data.sources import Examples
from bn_repro.run import durations
from bn_repro.training.experiment import (
  Experiment,
  normalization_groups,
  with_examples,
)
from configs import bn_x5

# What epochs are counted by: the learning rate does not fall while we measure.
TRAINING_IMAGES = 1_281_167


def config_of(dataset: str, **overrides) -> ConfigDict:
  """configs/bn_x5.py, but on one device, and all of a mini-batch normalized at once."""
  config = bn_x5.get_config(dataset)
  config.num_devices, config.model.normalization_group = 1, 0
  config.update_from_flattened_dict(overrides)
  return config


def experiment_of(
  config: ConfigDict, examples: Examples | None = None, feed=ResidentImages
) -> Experiment:
  """That of a config, on noise unless examples are given; epochs are ImageNet's."""
  examples = examples or noise.images(config, config.batch_size)
  classes = config.dataset.num_classes
  lengths = durations.lengths(config, TRAINING_IMAGES)
  return with_examples(config, examples, classes, feed, lengths)


class FlaxBatchNorm(nn.BatchNorm):
  """flax.linen.BatchNorm, called as our `Convolution` calls its BN layer."""

  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    return super().__call__(x, use_running_average=not train)


def with_flax(experiment: Experiment, fast: bool = True) -> Experiment:
  """The experiment with Flax's layer, over as many devices as ours."""
  config = experiment.config
  layer = functools.partial(
    FlaxBatchNorm, momentum=config.model.decay, epsilon=config.model.epsilon,
    dtype=jnp.dtype(config.model.dtype), use_fast_variance=fast,
    **normalization_groups(config, len(experiment.devices)),
  )  # fmt: skip
  return experiment._replace(model=experiment.model.clone(batch_norm=layer))
