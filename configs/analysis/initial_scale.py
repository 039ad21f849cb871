"""Section 3.3, claims 4 and 27: the second layer's initial weights times 0.01 to 100.

python -m bn_repro --config=configs/analysis/initial_scale.py:batch_norm,100 \\
  --workdir=runs/large
"""

import itertools

from ml_collections import ConfigDict

from configs import mnist
from configs.analysis import variants

FACTORS = ('0.01', '0.1', '1', '10', '100')
VARIANTS = tuple(map(','.join, itertools.product(mnist.NETWORKS, FACTORS)))


def get_config(variant: str = 'batch_norm,1') -> ConfigDict:
  """The experiment for one of `VARIANTS`, such as 'baseline,0.01'."""
  variants.choose(variant, VARIANTS)
  network, factor = variant.split(',')
  config = variants.get_config(network)
  config.variant.scale_of_layer_2 = float(factor)
  return config


def get_runs():
  """Of the sweep."""
  return variants.runs('initial_scale', VARIANTS, '{}_x{}')
