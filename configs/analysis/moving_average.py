"""Wu & Johnson (2021): the moving average of training against precise statistics.

Algorithm 2 is evaluated beside the moving average in every run of this project; here
with other weights of the old value, and with steps ten times as long.
"""

import itertools

from ml_collections import ConfigDict

from configs.analysis import variants

DECAYS = ('0.9', '0.99', '0.999')
RATES = ('0.1', '1.0')
VARIANTS = tuple(map(','.join, itertools.product(DECAYS, RATES)))


def get_config(variant: str = '0.99,0.1') -> ConfigDict:
  """The experiment for one of `VARIANTS`: decay and learning rate."""
  variants.choose(variant, VARIANTS)
  decay, rate = variant.split(',')
  config = variants.get_config('batch_norm')
  config.model.decay = float(decay)
  config.learning_rate = float(rate)
  config.train_for = '5_000 steps'
  config.evaluate_every = config.log_every = '100 steps'
  return config


def get_runs():
  """Of the sweep."""
  return variants.runs('moving_average', VARIANTS, 'decay{}_rate{}')
