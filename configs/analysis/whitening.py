"""Section 2: full whitening of each layer against normalizing each dimension.

Mini-batches of 60 leave the covariance of 100 activations singular; of 240 they do not.
Larger mini-batches take longer steps, by the root of the ratio of sizes.
"""

from ml_collections import ConfigDict

from configs.analysis import variants

# The name of a variant: its normalizer (None for none) and its mini-batches.
VARIANTS = {
  'baseline': (None, 60),
  'batch_norm': ('batch_norm', 60),
  'whitening': ('whitening', 60),
  'batch_norm_240': ('batch_norm', 240),
  'whitening_240': ('whitening', 240),
}


def get_config(variant: str = 'whitening') -> ConfigDict:
  """The experiment for one of `VARIANTS`."""
  variants.choose(variant, VARIANTS)
  normalizer, examples = VARIANTS[variant]
  config = variants.get_config('batch_norm' if normalizer else 'baseline')
  config.network = variant
  config.variant.normalizer = normalizer or 'batch_norm'
  config.batch_size = examples
  config.learning_rate *= (examples / 60) ** 0.5
  return config


def get_runs():
  """Of the sweep."""
  return variants.runs('whitening', VARIANTS)
