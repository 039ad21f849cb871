"""The networks of the paper, built from a config."""

import functools
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from bn_repro.batch_norm import BatchNorm
from bn_repro.models.inception import Inception
from bn_repro.models.mlp import MLP

# Attributes of `Inception` that are fields of `config.model` of the same name.
_INCEPTION_FIELDS = (
  'nonlinearity',
  'width',
  'stem',
  'separable_first_conv',
  'pool_projection_4cd',
  'local_response_normalization',
  'dropout',
  'auxiliary_heads',
  'per_activation_rows',
  'weight_variance',
)


def build(
  config: ConfigDict, num_classes: int, groups: Mapping[str, Any] | None = None
) -> nn.Module:
  """The network that `config.model` describes.

  Args:
    config: the config of the run.
    num_classes: width of the last layer.
    groups: attributes of `BatchNorm` that say which examples are normalized
      together, of `parallel.normalization_groups`; None for all of them.
  """
  model = config.model
  batch_norm = functools.partial(
    BatchNorm, decay=model.decay, epsilon=model.epsilon, **(groups or {})
  )
  common = {
    'num_classes': num_classes,
    'batch_norm': batch_norm if model.batch_norm else None,
  }
  if model.name == 'mlp':
    return MLP(
      hidden_sizes=tuple(model.hidden_sizes), init_std=model.init_std, **common
    )
  fields = {name: model[name] for name in _INCEPTION_FIELDS}
  return Inception(dtype=jnp.dtype(model.dtype), **fields, **common)


def initial_variables(
  model: nn.Module, seed: int, image_shape: tuple[int, ...]
) -> dict[str, Any]:
  """Initial weights, and population statistics of no mini-batch: mean 0, variance 1.

  Args:
    model: the network.
    seed: of the weights.
    image_shape: `[height, width, channels]`, of one input.
  """
  # Compiled: step by step, a deep network takes half a minute.
  initialize = jax.jit(functools.partial(model.init, train=False))
  return initialize(jax.random.key(seed), jnp.zeros((1, *image_shape)))


def frozen(model: nn.Module) -> nn.Module | None:
  """The network as algorithm 2 runs it over training mini-batches.

  In training mode its `batch_stats` become those of the mini-batch alone, and
  nothing is dropped. None for a network without batch normalization.
  """
  if model.batch_norm is None:
    return None
  changed = {'batch_norm': functools.partial(model.batch_norm, decay=0.0)}
  if hasattr(model, 'dropout'):
    changed |= {'dropout': 0.0, 'auxiliary_heads': False}
  return model.clone(**changed)
