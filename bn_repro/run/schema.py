"""Which fields a config has, and what kind of value each holds.

A field that no code reads is refused: most likely its name is misspelt, and the run
would not be what was meant. What the values may be is `fields.py`. Imports no JAX.
"""

import difflib
from collections.abc import Mapping
from typing import Any

from bn_repro.run.errors import UserError
from bn_repro.run.messages import shown

WHOLE, NUMBER, BOOL, TEXT = 'a whole number', 'a number', 'true or false', 'text'
WHOLES, NUMBERS = 'whole numbers, such as (100, 100)', 'numbers, such as (0.9, 0.95)'
TEXTS = "texts, such as ('5a', '5b')"

COMMON = {
  'network': TEXT, 'seed': WHOLE,
  'dataset.name': TEXT,
  'model.name': TEXT, 'model.batch_norm': BOOL, 'model.normalization_group': WHOLE,
  'model.epsilon': NUMBER, 'model.decay': NUMBER,
  'learning_rate': NUMBER, 'momentum': NUMBER, 'batch_size': WHOLE,
  'population_batches': WHOLE, 'targets': NUMBERS,
  'num_devices': WHOLE, 'partner_timeout': NUMBER, 'steps_per_call': WHOLE,
  'evaluation_batch_size': WHOLE,
  'train_for': TEXT, 'log_every': TEXT, 'evaluate_every': TEXT,
  'checkpoint_every': TEXT,
}  # fmt: skip
# What the loop takes from any config that has it, in groups that belong together.
OPTIONAL = (
  {'learning_rate_decay': NUMBER, 'learning_rate_decay_every': TEXT},
  {'l2': NUMBER, 'l2_on_gamma_and_beta': BOOL},
  {'polyak_decay': NUMBER},
  {'gradient_accumulation': WHOLE},
  {'patience': NUMBER, 'train_at_least': TEXT},
  {'training_images_evaluated': WHOLE},
  {'moving_average_evaluated': BOOL},
  {'log_spaced_evaluations': WHOLE, 'last_population_batches': WHOLE},
)
OF_NETWORK = {
  'mlp': {
    'dataset.pixels': TEXT, 'dataset.threshold': NUMBER,
    'model.hidden_sizes': WHOLES, 'model.init_std': NUMBER,
    'tracked_unit': WHOLE,
  },
  'inception': {
    'dataset.size': WHOLE, 'dataset.num_classes': WHOLE, 'dataset.feed': TEXT,
    'dataset.workers': WHOLE, 'dataset.on_corrupt': TEXT,
    'model.stem': TEXT, 'model.width': NUMBER, 'model.nonlinearity': TEXT,
    'model.separable_first_conv': BOOL, 'model.pool_projection_4cd': WHOLE,
    'model.local_response_normalization': BOOL, 'model.dropout': NUMBER,
    'model.auxiliary_heads': BOOL, 'model.weight_variance': NUMBER,
    'model.dtype': TEXT, 'model.per_activation_rows': TEXTS,
    'shuffling': TEXT, 'shard_size': WHOLE, 'photometric_distortion': NUMBER,
  },
}  # fmt: skip
# What a network may have besides, again in groups.
OPTIONAL_OF_NETWORK = {
  'mlp': (
    {'probes': TEXTS},
    {
      'variant.normalizer': TEXT, 'variant.placement': TEXT,
      'variant.gamma_and_beta': BOOL, 'variant.bias': BOOL, 'variant.dropout': NUMBER,
      'variant.noise': BOOL, 'variant.scale_of_layer_2': NUMBER,
    },
  ),
  'inception': ({'model.weight_std': NUMBER},),
}  # fmt: skip


def check(values: Mapping[str, Any]) -> None:
  """Raises UserError unless a flat config has the fields of its network.

  Args:
    values: such as {'dataset.name': 'mnist', ...}, tuples as lists.
  """
  network = values.get('model.name')
  if not isinstance(network, str) or network not in OF_NETWORK:
    names = ', '.join(OF_NETWORK)
    raise UserError(f'config.model.name={shown(network)} is not one of {names}')
  kinds = COMMON | OF_NETWORK[network]
  for group in (*OPTIONAL, *OPTIONAL_OF_NETWORK[network]):
    if not group.keys().isdisjoint(values):
      kinds |= group
  for field in values:
    if field not in kinds:
      raise UserError(_unknown(field, network, kinds))
  for field, kind in kinds.items():
    if field not in values:
      raise UserError(f'the config lacks {field!r} ({kind}), which {network!r} needs')
    if not _is(kind, values[field]):
      raise UserError(f'config.{field}={shown(values[field])} is not {kind}')


def _unknown(field: str, network: str, kinds: Mapping[str, str]) -> str:
  close = difflib.get_close_matches(field[:100], kinds, n=3, cutoff=0.5)
  hint = f'did you mean {" or ".join(close)}?' if close else 'remove it'
  return f'a config of {network!r} has no field {shown(field)}; {hint}'


def _is(kind: str, value: Any) -> bool:
  """Whether a value is of a kind; a whole number is a number, too."""
  one = {WHOLES: WHOLE, NUMBERS: NUMBER, TEXTS: TEXT}.get(kind)
  if one:
    return isinstance(value, list) and all(_is(one, element) for element in value)
  types = {WHOLE: int, NUMBER: (int, float), BOOL: bool, TEXT: str}[kind]
  return isinstance(value, types) and (kind == BOOL or not isinstance(value, bool))
