"""BN-x5-Sigmoid (section 4.2.2): BN-x5 with g(t) = 1 / (1 + exp(-t)).

python -m bn_repro --config=configs/bn_x5_sigmoid.py:imagenet2012 --workdir=runs/sigmoid
Figure 3: 69.8 % top-1 on ImageNet at best.
"""

from ml_collections import ConfigDict

from configs import bn_x5


def get_config(dataset: str = 'imagenet2012') -> ConfigDict:
  """The nonlinearity differs and nothing else."""
  config = bn_x5.get_config(dataset)
  config.network = 'bn_x5_sigmoid'
  config.model.nonlinearity = 'sigmoid'
  return config
