"""Section 2, claim 3: normalization that the gradient does not see.

A layer adds a bias b to its input and then subtracts the mean, or divides by the
standard deviation, too. If the gradient step takes both for constants, b grows and
changes nothing. Here every hidden layer does so, and beside it the same with the
gradient through the statistics.
"""

from ml_collections import ConfigDict

from configs.analysis import variants

VARIANTS = (
  'centring_outside_gradient', 'centring',
  'standardization_outside_gradient', 'standardization',
)  # fmt: skip


def get_config(variant: str = 'centring_outside_gradient') -> ConfigDict:
  """The experiment for one of `VARIANTS`."""
  variants.choose(variant, VARIANTS)
  config = variants.get_config('batch_norm')
  config.network = config.variant.normalizer = variant
  config.variant.gamma_and_beta = False  # section 2 has none yet
  config.variant.bias = True
  config.probes = ('parameter_norms',)
  return config


def get_runs():
  """Of the sweep."""
  return variants.runs('runaway_bias', VARIANTS)
