"""The six members of section 4.2.3 on ten classes, for figure 4.

As large as the networks of inception_networks.py, each trained for 30 epochs, the
shortest that those may be.
"""

from configs.ensemble import MEMBERS
from configs.sweeps.inception_networks import LENGTH

BUDGET = {'train_for': LENGTH['train_at_least'], 'evaluate_every': '5 epochs'}


def get_runs():
  """(name, config, overrides) of each run."""
  return [
    (f'member_{member}', f'configs/ensemble.py:{member},imagenette_160', BUDGET)
    for member in MEMBERS
  ]
