"""A control of section 4.2.2: plain Inception with sigmoids.

python -m bn_repro --config=configs/inception_sigmoid.py:imagenette --workdir=runs/one
In the paper it is never better than chance (claim 14).
"""

from ml_collections import ConfigDict

from configs import inception


def get_config(dataset: str = 'imagenet2012') -> ConfigDict:
  """The nonlinearity differs and nothing else."""
  config = inception.get_config(dataset)
  config.network = 'inception_sigmoid'
  config.model.nonlinearity = 'sigmoid'
  return config
