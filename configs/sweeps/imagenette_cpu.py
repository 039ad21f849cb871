"""First sign of life of section 4.2 on two CPU cores: BN-x5 and plain Inception.

Real photographs of ten classes at 64 pixels, a quarter of the width, one seed,
equally many steps. Not a comparison of learning rates: each has the paper's.
"""

NETWORKS = ('bn_x5', 'inception')


def get_runs():
  """(name, config, overrides) of each run."""
  return [
    (network, f'configs/{network}.py:imagenette_160', {'train_for': '15 epochs'})
    for network in NETWORKS
  ]
