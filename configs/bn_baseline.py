"""BN-Baseline (section 4.2.2): Inception with BN before each nonlinearity.

python -m bn_repro --config=configs/bn_baseline.py:imagenet2012 --workdir=runs/bn
Figure 3: 72.2 % top-1 on ImageNet after 13.3 million steps, 72.7 % at best.
"""

from ml_collections import ConfigDict

from configs import datasets, inception


def get_config(dataset: str = 'imagenet2012') -> ConfigDict:
  """Nothing else differs: same rate, dropout and local response normalization."""
  config = inception.get_config(dataset)
  config.network = 'bn_baseline'
  config.model.batch_norm = True
  # Our choice: a fifth more than it took to match Inception.
  config.train_for = datasets.train_for(dataset, imagenet2012='16e6 steps')
  return config
