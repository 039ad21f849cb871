"""How high the learning rate can be, with BN and without (claims 14 and 15).

The rates that inception_networks.py leaves out, in multiples of Inception's 0.0015:
the plain network up to where it diverges, BN-x5's recipe up to where it stops helping.
And the plain network with sigmoids, at Inception's rate and at BN-x5's.
"""

from configs import inception
from configs.sweeps.inception_networks import BUDGET, config_of

PLAIN = (5, 10, 20, 50)
NORMALIZED = (1, 100, 300, 1000)
SIGMOID = (1, 5)


def get_runs():
  """(name, config, overrides) of each run."""
  families = (
    ('inception', PLAIN), ('bn_x5', NORMALIZED), ('inception_sigmoid', SIGMOID),
  )  # fmt: skip
  return [
    (f'{network}_x{times}', config_of(network), BUDGET | rate(times))
    for network, multiples in families
    for times in multiples
  ]


def rate(times):
  """The override for a multiple of Inception's rate."""
  return {'learning_rate': times * inception.LEARNING_RATE}
