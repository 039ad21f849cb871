"""Bjorck et al. (2018): both networks at the same learning rates.

They find that batch normalization is no better at the small rates which the plain
network needs, and that all it gains comes from larger ones.
"""

import itertools

from ml_collections import ConfigDict

from configs import mnist
from configs.analysis import variants

RATES = ('0.01', '0.03', '0.1', '0.3', '1.0', '3.0', '10.0')
VARIANTS = tuple(map(','.join, itertools.product(mnist.NETWORKS, RATES)))


def get_config(variant: str = 'batch_norm,0.01') -> ConfigDict:
  """The experiment for one of `VARIANTS`: a network and its learning rate."""
  variants.choose(variant, VARIANTS)
  network, rate = variant.split(',')
  config = variants.get_config(network)
  config.learning_rate = float(rate)
  config.train_for = '20_000 steps'
  config.evaluate_every = config.log_every = '500 steps'
  return config


def get_runs():
  """Of the sweep."""
  return variants.runs('equal_rates', VARIANTS, '{}_rate{}')
