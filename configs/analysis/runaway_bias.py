"""Section 2, claim 3: normalization that the gradient does not see.

A layer adds a bias b to its input and then subtracts the mean, or divides by the
standard deviation, too. If the gradient step takes both for constants, b grows and
changes nothing. Here every hidden layer does so, and beside it the same with the
gradient through the statistics; at the learning rate of section 4.1 and ten times that.
"""

import itertools

from ml_collections import ConfigDict

from configs.analysis import variants

NORMALIZERS = (
  'centring_outside_gradient', 'centring',
  'standardization_outside_gradient', 'standardization',
)  # fmt: skip
RATES = ('0.1', '1.0')
VARIANTS = tuple(map(','.join, itertools.product(NORMALIZERS, RATES)))


def get_config(variant: str = 'standardization_outside_gradient,1.0') -> ConfigDict:
  """The experiment for one of `VARIANTS`: a normalizer and a learning rate."""
  variants.choose(variant, VARIANTS)
  config = variants.get_config('batch_norm')
  config.network, rate = variant.split(',')
  config.learning_rate = float(rate)
  config.variant.normalizer = config.network
  config.variant.gamma_and_beta = False  # section 2 has none yet
  config.variant.bias = True
  config.probes = ('parameter_norms',)
  return config


def get_runs():
  """Of the sweep."""
  return variants.runs('runaway_bias', VARIANTS, '{}_rate{}')
