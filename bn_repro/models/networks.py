"""The networks of the paper, built from a config."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from bn_repro.batch_norm.alternatives import Standardization, Whitening
from bn_repro.batch_norm.layer import BatchNorm
from bn_repro.models.inception import Inception
from bn_repro.models.mlp import MLP
from bn_repro.run.errors import UserError

_CENTRING = functools.partial(Standardization, is_scaled=False)
_STANDARDIZATION = functools.partial(Standardization, is_scaled=True)
# What `config.variant.normalizer` may be (section 2).
NORMALIZERS: Mapping[str, Callable[..., nn.Module]] = {
  'batch_norm': BatchNorm,
  'whitening': Whitening,
  'centring': functools.partial(_CENTRING, is_differentiated=True),
  'centring_outside_gradient': functools.partial(_CENTRING, is_differentiated=False),
  'standardization': functools.partial(_STANDARDIZATION, is_differentiated=True),
  'standardization_outside_gradient': functools.partial(
    _STANDARDIZATION, is_differentiated=False
  ),
}
# Fields of `config.model` that `Inception` has as attributes of the same name.
_INCEPTION_FIELDS = (
  'nonlinearity',
  'width',
  'stem',
  'separable_first_conv',
  'pool_projection_4cd',
  'local_response_normalization',
  'auxiliary_heads',
  'per_activation_rows',
  'weight_variance',
)


def build(
  config: ConfigDict, num_classes: int, groups: Mapping[str, Any] | None = None
) -> nn.Module:
  """The network that `config.model` describes.

  Args:
    groups: attributes of `BatchNorm` that say which examples are normalized
      together, of `parallel.normalization_groups`; None for all of them.

  Raises:
    UserError: the config asks a variant to normalize groups, which it cannot.
  """
  model = config.model
  common = {
    'num_classes': num_classes,
    'batch_norm': _normalizer(config, groups or {}) if model.batch_norm else None,
  }
  if model.name == 'mlp':
    sizes = tuple(model.hidden_sizes)
    variant = _variant(config.variant) if 'variant' in config else {}
    return MLP(sizes, init_std=model.init_std, **common, **variant)
  fields = {name: model[name] for name in _INCEPTION_FIELDS}
  fields['dropout'] = model.dropout or None
  fields['weight_std'] = model.get('weight_std', 0.0)
  return Inception(dtype=jnp.dtype(model.dtype), **fields, **common)


def _normalizer(
  config: ConfigDict, groups: Mapping[str, Any]
) -> Callable[..., nn.Module]:
  """Makes a normalizing layer, given its name."""
  variant = config.get('variant', {})
  kind = variant.get('normalizer', 'batch_norm')
  layer = functools.partial(
    NORMALIZERS[kind], decay=config.model.decay, epsilon=config.model.epsilon
  )
  if groups and kind != 'batch_norm':
    raise UserError(
      f'config.variant.normalizer={kind!r} normalizes whole mini-batches on one device;'
      ' set config.model.normalization_group=0 and config.num_devices=1'
    )
  if not variant.get('gamma_and_beta', True) and kind in ('batch_norm', 'whitening'):
    groups = {**groups, 'use_gamma': False, 'use_beta': False}
  return functools.partial(layer, **groups)


def _variant(variant: ConfigDict) -> dict[str, Any]:
  """The attributes of `MLP` that `config.variant` describes."""
  return {
    'is_normalized_after': variant.placement == 'after',
    'keeps_bias': variant.bias,
    'dropout': variant.dropout or None,
    'has_noise': variant.noise,
    'scale_of_layer_2': variant.scale_of_layer_2,
  }


def initial_variables(
  model: nn.Module, seed: int, image_shape: tuple[int, ...]
) -> dict[str, Any]:
  """Initial weights, and statistics before any mini-batch: mean 0, variance 1.

  `image_shape` is of one input: height and width, and channels for Inception.
  """
  # Compiled: step by step, a deep network takes half a minute.
  initialize = jax.jit(functools.partial(model.init, train=False))
  return initialize(jax.random.key(seed), jnp.zeros((1, *image_shape)))


def without_noise(model: nn.Module) -> nn.Module:
  """The network without dropout, noise and auxiliary heads, which only training has.

  With train=True it then differs from inference in its statistics alone.
  """
  off = {'dropout': None, 'auxiliary_heads': False, 'has_noise': False}
  return model.clone(
    **{name: value for name, value in off.items() if hasattr(model, name)}
  )
