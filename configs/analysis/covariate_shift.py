"""Section 4.1: internal covariate shift, measured at every evaluation.

python -m bn_repro --config=configs/analysis/covariate_shift.py:batch_norm \\
  --workdir=runs/covariate_shift/batch_norm
The network is that of configs/mnist.py; what is measured is explained in
bn_repro/analysis/covariate_shift.py.
"""

from ml_collections import ConfigDict

from configs import mnist


def get_config(network: str = 'batch_norm') -> ConfigDict:
  """The experiment for one of `mnist.NETWORKS`."""
  config = mnist.get_config(network)
  config.probes = ('covariate_shift',)
  return config
