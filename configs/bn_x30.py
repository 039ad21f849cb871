"""BN-x30 (section 4.2.2): BN-x5 at thirty times Inception's learning rate.

python -m bn_repro --config=configs/bn_x30.py:imagenet2012 --workdir=runs/bn_x30
Figure 3: 72.2 % top-1 on ImageNet after 2.7 million steps, 74.8 % after 6 million.
"""

from ml_collections import ConfigDict

from configs import bn_x5, inception


def get_config(dataset: str = 'imagenet2012') -> ConfigDict:
  """The learning rate starts at 0.045."""
  config = bn_x5.get_config(dataset)
  config.network = 'bn_x30'
  config.learning_rate = 30 * inception.LEARNING_RATE
  return config
