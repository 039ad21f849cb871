"""What each field of a config may hold. Imports no JAX.

Networks have different fields; a rule for a field that a config does not have is
not applied.
"""

import math
from collections.abc import Callable

from ml_collections import ConfigDict

from bn_repro import durations

_ROWS = ('3a', '3b', '3c', '4a', '4b', '4c', '4d', '4e', '5a', '5b')
_CHOICES = {
  'dataset.pixels': ('binary', 'grey'),
  'dataset.feed': ('auto', 'resident', 'stream'),
  'dataset.on_corrupt': ('stop', 'skip'),
  'model.name': ('mlp', 'inception'),
  'model.nonlinearity': ('relu', 'sigmoid'),
  'model.stem': ('figure5', 'small'),
  'model.pool_projection_4cd': (96, 128),
  'model.dtype': ('float32', 'bfloat16'),
  'shuffling': ('coarse', 'thorough'),
}
_POSITIVE = (
  'model.init_std', 'model.weight_variance', 'model.width', 'model.epsilon',
  'learning_rate',
)  # fmt: skip
_COUNTS = (
  'dataset.size', 'dataset.num_classes', 'shard_size', 'gradient_accumulation',
  'population_batches', 'steps_per_call', 'evaluation_batch_size',
)  # fmt: skip
_NOT_NEGATIVE = ('num_devices', 'dataset.workers', 'l2')
_BELOW_ONE = (
  'dataset.threshold', 'model.decay', 'model.dropout', 'momentum', 'polyak_decay',
)  # fmt: skip
_DURATIONS = (
  'train_for', 'log_every', 'evaluate_every', 'checkpoint_every',
  'learning_rate_decay_every',
)  # fmt: skip
_DURATION = 'a duration such as "100 steps", "8/6 epochs" or "1e6 examples"'
_PIXEL_DATASETS = ('mnist', 'digits')


def rules(config: ConfigDict) -> tuple[tuple[str, str, Callable], ...]:
  """(field, what is allowed, test) of every field that has limits.

  A config need not have all of these fields.
  """
  return (
    *(_choice(field, names) for field, names in _CHOICES.items()),
    *_names_of_data(config),
    *((field, _DURATION, _is_duration) for field in _DURATIONS),
    *((field, 'positive', _is_positive) for field in _POSITIVE),
    *((field, 'at least 1', _is_count) for field in _COUNTS),
    *((field, '0 or more', lambda v: v >= 0) for field in _NOT_NEGATIVE),
    *((field, 'from 0 to below 1', lambda v: 0 <= v < 1) for field in _BELOW_ONE),
    ('model.hidden_sizes', 'one or more positive sizes',
     lambda v: len(v) > 0 and all(map(_is_count, v))),
    ('model.normalization_group', '0 (the whole mini-batch) or at least 2',
     lambda v: v == 0 or v >= 2),
    ('model.per_activation_rows', f'some of {", ".join(_ROWS)}',
     lambda v: set(v) <= set(_ROWS)),
    ('seed', 'from 0 to 2**32 - 1', lambda v: 0 <= v < 2**32),
    ('batch_size', *_enough_examples(config)),
    ('learning_rate_decay', 'above 0 and at most 1', _is_share),
    ('photometric_distortion', 'from 0 to 1', lambda v: 0 <= v <= 1),
    ('tracked_unit', 'a unit of the last hidden layer',
     lambda v: 0 <= v < config.model.hidden_sizes[-1]),
    ('targets', 'accuracies between 0 and 1', lambda v: all(map(_is_share, v))),
  )  # fmt: skip


def _names_of_data(config: ConfigDict):
  """The MLP takes grey images only; the others whatever has been prepared."""
  if config.model.name == 'mlp':
    yield _choice('dataset.name', _PIXEL_DATASETS)


def _enough_examples(config: ConfigDict):
  if config.model.batch_norm:
    return 'at least 2 with batch normalization', lambda v: v >= 2
  return 'at least 1', _is_count


def _is_duration(value) -> bool:
  try:
    durations.parse(value)
  except ValueError:
    return False
  return True


def _choice(field, names):
  allowed = f'one of {", ".join(map(str, names))}'
  return field, allowed, names.__contains__


def _is_positive(value) -> bool:
  return 0 < value < math.inf


def _is_share(value) -> bool:
  return isinstance(value, (int, float)) and 0 < value <= 1


def _is_count(value) -> bool:
  return isinstance(value, int) and value >= 1
