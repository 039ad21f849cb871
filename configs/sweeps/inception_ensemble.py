"""The six members of section 4.2.3 on ten classes, for figure 4.

As large as the networks of inception_networks.py, and as long as those of the sweeps
around it.
"""

from configs.ensemble import MEMBERS
from configs.sweeps.inception_networks import BUDGET


def get_runs():
  """(name, config, overrides) of each run."""
  return [
    (f'member_{member}', f'configs/ensemble.py:{member},imagenette_160', BUDGET)
    for member in MEMBERS
  ]
