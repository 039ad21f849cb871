"""Section 3.3, claim 28: the singular values of layers, at every evaluation.

python -m bn_repro --config=configs/analysis/layer_jacobians.py:batch_norm \\
  --workdir=runs/layer_jacobians/batch_norm
The network is that of configs/mnist.py; what is measured is explained in
bn_repro/analysis/layer_jacobians.py.
"""

from ml_collections import ConfigDict

from configs import mnist


def get_config(network: str = 'batch_norm') -> ConfigDict:
  """The experiment for one of `mnist.NETWORKS`."""
  config = mnist.get_config(network)
  config.probes = ('layer_jacobians',)
  return config
