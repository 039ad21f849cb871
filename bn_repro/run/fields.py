"""What each field of a config may hold. Imports no JAX.

Networks have different fields; a rule for a field that a config does not have is
not applied.
"""

import re
from collections.abc import Callable, Iterator

from ml_collections import ConfigDict

from bn_repro.run import durations

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
  'variant.placement': ('before', 'after'),
  'variant.normalizer': (
    'batch_norm',
    'whitening',
    'centring',
    'centring_outside_gradient',
    'standardization',
    'standardization_outside_gradient',
  ),
}
# Where single precision neither vanishes nor overflows.
_SMALLEST, _LARGEST = 1e-30, 1e30
_POSITIVE = (
  'model.init_std',
  'model.weight_variance',
  'model.epsilon',
  'learning_rate',
  'variant.scale_of_layer_2',
)
# From 1, and so many at most: beyond it a slip of the pen, and no memory would do.
_COUNTS = {
  'batch_size': 2**20,
  'dataset.size': 4096,
  'dataset.num_classes': 2**20,
  'shard_size': 2**31 - 1,
  'gradient_accumulation': 2**20,
  'population_batches': 2**20,
  'steps_per_call': 2**20,
  'evaluation_batch_size': 2**20,
}
_FROM_ZERO = {
  'num_devices': 2**20, 'dataset.workers': 1024, 'l2': _LARGEST,
  'photometric_distortion': 1, 'training_images_evaluated': 2**31 - 1,
  'log_spaced_evaluations': 1000, 'last_population_batches': 2**20,
  'model.weight_std': _LARGEST,
}  # fmt: skip
_BELOW_ONE = (
  'dataset.threshold', 'model.decay', 'model.dropout', 'momentum', 'polyak_decay',
  'patience', 'variant.dropout',
)  # fmt: skip
_DURATIONS = (
  'train_for', 'log_every', 'evaluate_every', 'checkpoint_every',
  'learning_rate_decay_every', 'train_at_least',
)  # fmt: skip
_DURATION = 'a duration such as "100 steps", "8/6 epochs" or "1e6 examples"'
# Of analysis/probes.py.
_PROBES = ('covariate_shift', 'landscape', 'layer_jacobians', 'parameter_norms')
_PIXEL_DATASETS = ('mnist', 'digits')
_NAME = re.compile(r'\w[\w.-]{0,99}', re.ASCII)
_LARGEST_LAYER = 2**17
_MOST_LAYERS = 100


def rules(config: ConfigDict) -> tuple[tuple[str, str, Callable], ...]:
  """(field, what is allowed, test) of every field that has limits.

  A config need not have all of these fields.
  """
  return (
    *(_choice(field, names) for field, names in _CHOICES.items()),
    *names_of_data(config),
    *((field, _DURATION, _is_duration) for field in _DURATIONS),
    *(_range(field, _SMALLEST, _LARGEST) for field in _POSITIVE),
    *(_range(field, 1, most) for field, most in _COUNTS.items()),
    *(_range(field, 0, most) for field, most in _FROM_ZERO.items()),
    *((field, 'from 0 to below 1', lambda v: 0 <= v < 1) for field in _BELOW_ONE),
    ('network', 'a name of at most 100 letters, digits, "_", "." and "-"', _is_name),
    ('model.hidden_sizes',
     f'1 to {_MOST_LAYERS} positive sizes of at most {_LARGEST_LAYER}', _are_layers),
    ('model.width', 'above 0 and at most 64', lambda v: 0 < v <= 64),
    ('model.normalization_group', '0 (the whole mini-batch) or at least 2',
     lambda v: v == 0 or 2 <= v <= _COUNTS['batch_size']),
    ('partner_timeout', 'from 1 to 86400 seconds', lambda v: 1 <= v <= 86400),
    ('model.per_activation_rows', f'some of {", ".join(_ROWS)}',
     lambda v: set(v) <= set(_ROWS)),
    ('seed', 'from 0 to 2**32 - 1', lambda v: 0 <= v < 2**32),
    ('batch_size', *_enough_examples(config)),
    ('learning_rate_decay', 'above 0 and at most 1', _is_share),
    ('tracked_unit', 'a unit of the last hidden layer',
     lambda v: 0 <= v < config.model.hidden_sizes[-1]),
    ('probes', f'some of {", ".join(_PROBES)}', lambda v: set(v) <= set(_PROBES)),
    ('targets', 'accuracies between 0 and 1', lambda v: all(map(_is_share, v))),
    *_without_effect(config),
  )  # fmt: skip


def _range(field, least, most):
  allowed = f'from {_written(least)} to {_written(most)}'
  return field, allowed, lambda v: least <= v <= most


def _written(limit: float) -> str:
  return f'{limit:,}' if isinstance(limit, int) else f'{limit:g}'


def names_of_data(config: ConfigDict) -> Iterator[tuple[str, str, Callable]]:
  """(field, what is allowed, whether a value is) of the name of a data set.

  The MLP takes grey images only; the others whatever has been prepared.
  """
  if config.model.name == 'mlp':
    yield _choice('dataset.name', _PIXEL_DATASETS)
  else:  # and never a path, which could lead anywhere
    yield (
      'dataset.name',
      'the name of a data set, such as cifar10 or imagenette/full-size-v2',
      lambda name: name.count('/') <= 1 and all(map(_is_name, name.split('/'))),
    )


def _without_effect(config: ConfigDict):
  """What a variant of section 4.1's network would pass over in silence."""
  kind = config.get('variant', {}).get('normalizer', 'batch_norm')
  if not config.model.batch_norm:
    for field, only in (('normalizer', 'batch_norm'), ('placement', 'before'),
                        ('gamma_and_beta', True), ('bias', False)):  # fmt: skip
      allowed = f'{only} without batch normalization'
      yield f'variant.{field}', allowed, lambda v, only=only: v == only
  elif kind not in ('batch_norm', 'whitening'):
    yield 'variant.gamma_and_beta', f'False with {kind}', lambda v: not v


def _is_name(value: str) -> bool:
  return _NAME.fullmatch(value) is not None


def _enough_examples(config: ConfigDict):
  if config.model.batch_norm:
    return 'at least 2 with batch normalization', lambda v: v >= 2
  return 'at least 1', lambda v: v >= 1


def _is_duration(value) -> bool:
  try:
    durations.parse(value)
  except ValueError:
    return False
  return True


def _choice(field, names):
  allowed = f'one of {", ".join(map(str, names))}'
  return field, allowed, names.__contains__


def _is_share(value) -> bool:
  return 0 < value <= 1


def _are_layers(sizes) -> bool:
  return 1 <= len(sizes) <= _MOST_LAYERS and all(
    1 <= size <= _LARGEST_LAYER for size in sizes
  )
