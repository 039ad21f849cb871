"""The fields of a config: the type and the limits of each, in one line.

A field that no code reads is refused: most likely its name is misspelt, and the run
would not be what was meant. Imports no JAX.
"""

import difflib
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bn_repro.run.errors import UserError, shown
from bn_repro.run.field_kinds import (
  BOOL,
  LARGEST,
  NUMBER,
  NUMBERS,
  TEXT,
  WHOLE,
  WHOLES,
  Field,
  choice,
  count,
  duration,
  is_of_kind,
  number,
  positive,
  share,
  some_of,
)

# Counts go up to this; anything larger is a typing error.
_MANY = 2**20
_MOST_LAYERS, _LARGEST_LAYER = 100, 2**17
_NAME = re.compile(r'\w[\w.-]{0,99}', re.ASCII)


def _is_name(value: str) -> bool:
  return _NAME.fullmatch(value) is not None


def _is_name_of_data(value: str) -> bool:
  """With a configuration or without; never a path, which could lead anywhere."""
  return value.count('/') <= 1 and all(map(_is_name, value.split('/')))


def _are_layers(sizes: list[int]) -> bool:
  return 1 <= len(sizes) <= _MOST_LAYERS and all(
    1 <= size <= _LARGEST_LAYER for size in sizes
  )


def _is_positive_share(value: float) -> bool:
  return 0 < value <= 1


_SWITCH = Field(BOOL)
_COMMON = {
  'network': Field(
    TEXT, 'a name of at most 100 letters, digits, "_", "." and "-"', _is_name
  ),
  'seed': Field(WHOLE, 'from 0 to 2**32 - 1', lambda v: 0 <= v < 2**32),
  'model.name': Field(TEXT),  # names one of `FIELDS`
  'model.batch_norm': _SWITCH,
  'model.normalization_group': Field(
    WHOLE, '0 (the whole mini-batch) or at least 2', lambda v: v == 0 or 2 <= v <= _MANY
  ),
  'model.epsilon': positive(),
  'model.decay': share(),
  'learning_rate': positive(),
  'momentum': share(),
  'batch_size': count(_MANY),
  'population_batches': count(_MANY),
  'targets': Field(
    NUMBERS, 'accuracies between 0 and 1', lambda v: all(map(_is_positive_share, v))
  ),
  'num_devices': count(_MANY, least=0),
  'partner_timeout': Field(
    NUMBER, 'from 1 to 86400 seconds', lambda v: 1 <= v <= 86400
  ),
  'steps_per_call': count(_MANY),
  'evaluation_batch_size': count(_MANY),
  'train_for': duration(),
  'log_every': duration(),
  'evaluate_every': duration(),
  'checkpoint_every': duration(),
  # What the training loop takes from any config that has it.
  'learning_rate_decay': Field(
    NUMBER, 'above 0 and at most 1', _is_positive_share
  ).optional(group='learning rate'),
  'learning_rate_decay_every': duration().optional(group='learning rate'),
  'l2': number(0, LARGEST).optional(default=0.0, group='l2'),
  'l2_on_gamma_and_beta': _SWITCH.optional(group='l2'),
  'polyak_decay': share().optional(default=0.0),
  'gradient_accumulation': count(_MANY).optional(default=1),
  'patience': share().optional(default=0.0, group='patience'),
  'train_at_least': duration().optional(group='patience'),
  'training_images_evaluated': count(2**31 - 1, least=0).optional(default=0),
  'moving_average_evaluated': _SWITCH.optional(default=True),
  'log_spaced_evaluations': count(1000, least=0).optional(0, 'log-spaced'),
  'last_population_batches': count(_MANY, least=0).optional(0, 'log-spaced'),
}
_OF_MLP = {
  'dataset.name': choice('mnist', 'digits'),
  'dataset.pixels': choice('binary', 'grey'),
  'dataset.threshold': share(),
  'model.hidden_sizes': Field(
    WHOLES, f'1 to {_MOST_LAYERS} positive sizes of at most {_LARGEST_LAYER}',
    _are_layers,
  ),
  'model.init_std': positive(),
  'tracked_unit': Field(WHOLE),  # its limit is below
  'probes': some_of(
    'covariate_shift', 'landscape', 'layer_jacobians', 'parameter_norms'
  ).optional(default=[]),
  'variant.normalizer': choice(
    'batch_norm', 'whitening', 'centring', 'centring_outside_gradient',
    'standardization', 'standardization_outside_gradient',
  ).optional(group='variant'),
  'variant.placement': choice('before', 'after').optional(group='variant'),
  'variant.gamma_and_beta': _SWITCH.optional(group='variant'),
  'variant.bias': _SWITCH.optional(group='variant'),
  'variant.dropout': share().optional(group='variant'),
  'variant.noise': _SWITCH.optional(group='variant'),
  'variant.scale_of_layer_2': positive().optional(group='variant'),
}  # fmt: skip
_OF_INCEPTION = {
  'dataset.name': Field(
    TEXT, 'the name of a data set, such as cifar10 or imagenette/full-size-v2',
    _is_name_of_data,
  ),
  'dataset.size': count(4096),
  'dataset.num_classes': count(_MANY),
  'dataset.feed': choice('auto', 'resident', 'stream'),
  'dataset.workers': count(1024, least=0),
  'dataset.on_corrupt': choice('stop', 'skip'),
  'model.stem': choice('figure5', 'small'),
  'model.width': Field(NUMBER, 'above 0 and at most 64', lambda v: 0 < v <= 64),
  'model.nonlinearity': choice('relu', 'sigmoid'),
  'model.separable_first_conv': _SWITCH,
  'model.pool_projection_4cd': choice(96, 128),
  'model.local_response_normalization': _SWITCH,
  'model.dropout': share(),
  'model.auxiliary_heads': _SWITCH,
  'model.weight_variance': positive(),
  'model.weight_std': number(0, LARGEST).optional(default=0.0),
  'model.dtype': choice('float32', 'bfloat16'),
  'model.per_activation_rows': some_of(
    '3a', '3b', '3c', '4a', '4b', '4c', '4d', '4e', '5a', '5b'
  ),
  'shuffling': choice('coarse', 'thorough'),
  'shard_size': count(2**31 - 1),
  'photometric_distortion': number(0, 1),
}  # fmt: skip
# By `model.name`.
FIELDS: dict[str, dict[str, Field]] = {
  'mlp': _COMMON | _OF_MLP,
  'inception': _COMMON | _OF_INCEPTION,
}
# The values that the code takes for fields that a config lacks.
DEFAULTS = {
  name: field.default
  for fields in FIELDS.values()
  for name, field in fields.items()
  if field.default is not None
}


def check(values: Mapping[str, Any]) -> None:
  """Raises UserError unless a flat config has the fields of its network, within limits.

  Args:
    values: such as {'dataset.name': 'mnist', ...}, tuples as lists.
  """
  network = values.get('model.name')
  if not isinstance(network, str) or network not in FIELDS:
    raise UserError(
      f'config.model.name={shown(network)} is not one of {", ".join(FIELDS)}'
    )
  fields = FIELDS[network]
  _check_kinds(values, network, fields)
  # In this order: the limits by others take the others to be right.
  limits = ((n, fields[n].allowed, fields[n].holds(v)) for n, v in values.items())
  for field, allowed, is_allowed in itertools.chain(limits, _limits_by_others(values)):
    if not is_allowed:
      raise UserError(f'config.{field}={shown(values[field])} is not {allowed}')
  parts = values.get('gradient_accumulation', DEFAULTS['gradient_accumulation'])
  if values['batch_size'] % parts:
    raise UserError(
      f'config.batch_size={values["batch_size"]} cannot be taken in '
      f'config.gradient_accumulation={parts} equal parts; choose a divisor'
    )


def _check_kinds(
  values: Mapping[str, Any], network: str, fields: Mapping[str, Field]
) -> None:
  for name in values:
    if name not in fields:
      raise UserError(_unknown(name, network))
  groups = {fields[name].group for name in values} - {''}
  for name, field in fields.items():
    if name in values:
      if not is_of_kind(field.kind, values[name]):
        raise UserError(f'config.{name}={shown(values[name])} is not {field.kind}')
    elif not field.is_optional or field.group in groups:
      raise UserError(
        f'the config lacks {name!r} ({field.kind}), which {network!r} needs'
      )


def _unknown(name: str, network: str) -> str:
  close = difflib.get_close_matches(name[:100], FIELDS[network], n=3, cutoff=0.5)
  hint = f'did you mean {" or ".join(close)}?' if close else 'remove it'
  return f'a config of {network!r} has no field {shown(name)}; {hint}'


def _limits_by_others(values: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
  """(field, what is allowed, whether it holds) of limits that other fields set."""
  if values['model.batch_norm']:
    text = 'at least 2 with batch normalization'
    yield 'batch_size', text, values['batch_size'] >= 2
  if 'tracked_unit' in values:
    is_unit = 0 <= values['tracked_unit'] < values['model.hidden_sizes'][-1]
    yield 'tracked_unit', 'a unit of the last hidden layer', is_unit
  if 'variant.normalizer' in values:
    yield from _limits_of_variant(values)


def _limits_of_variant(values: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
  """Fields of a variant of section 4.1's network that would have no effect."""
  kind = values['variant.normalizer']
  if not values['model.batch_norm']:
    for name, only in (('normalizer', 'batch_norm'), ('placement', 'before'),
                       ('gamma_and_beta', True), ('bias', False)):  # fmt: skip
      field = f'variant.{name}'
      yield field, f'{only} without batch normalization', values[field] == only
  elif kind not in ('batch_norm', 'whitening'):
    allowed = f'False with {kind}'
    yield 'variant.gamma_and_beta', allowed, not values['variant.gamma_and_beta']
