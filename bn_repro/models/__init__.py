"""The networks of the paper, built from a config."""

import functools

import flax.linen as nn
from ml_collections import ConfigDict

from bn_repro.batch_norm import BatchNorm
from bn_repro.models.mlp import MLP


def build(
  config: ConfigDict, num_classes: int, axis_name: str | None = None
) -> nn.Module:
  """The network that `config.model` describes.

  Args:
    config: the config of the run.
    num_classes: width of the last layer.
    axis_name: the device axis over which mini-batch moments are merged.
  """
  model = config.model
  batch_norm = functools.partial(
    BatchNorm, decay=model.decay, epsilon=model.epsilon, axis_name=axis_name
  )
  return MLP(
    hidden_sizes=tuple(model.hidden_sizes),
    num_classes=num_classes,
    init_std=model.init_std,
    batch_norm=batch_norm if model.batch_norm else None,
  )
