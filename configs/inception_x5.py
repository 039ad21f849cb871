"""A control of section 4.2.2: plain Inception at the learning rate of BN-x5.

python -m bn_repro --config=configs/inception_x5.py:imagenette --workdir=runs/x5
In the paper its parameters reach machine infinity (claim 15).
"""

from ml_collections import ConfigDict

from configs import inception


def get_config(dataset: str = 'imagenet2012') -> ConfigDict:
  """The learning rate differs and nothing else."""
  config = inception.get_config(dataset)
  config.network = 'inception_x5'
  config.learning_rate = 5 * inception.LEARNING_RATE
  return config
