"""The seven changes of section 4.2.1, one by one (claims 16 to 22).

From BN-x5 each is taken back alone; to BN-Baseline each is added alone. Seed 0 of these
two and of Inception is taken from inception_networks.py, whose runs begin in the same
way; their other seeds are here. One seed of each change comes first.
"""

from configs import bn_baseline, bn_x5
from configs.sweeps.inception_networks import BUDGET, SEEDS, config_of

# The fields in which the two configs differ, in the order of section 4.2.1.
CHANGES = (
  'learning_rate', 'model.dropout', 'l2', 'learning_rate_decay_every',
  'model.local_response_normalization', 'shuffling', 'photometric_distortion',
)  # fmt: skip


def get_runs():
  """(name, config, overrides) of each run."""
  networks = [
    (f'{network}_seed{seed}', config_of(network), BUDGET | {'seed': seed})
    for seed in range(1, SEEDS)
    for network in ('bn_x5', 'bn_baseline', 'inception')
  ]
  others = [run for seed in range(1, SEEDS) for run in changes(seed)]
  return [*changes(0), *networks, *others]


def changes(seed):
  """Each change taken back, and each added, with one seed."""
  before, after = bn_baseline.get_config(), bn_x5.get_config()
  return [
    *(run('bn_x5', 'without', change, before, seed) for change in CHANGES),
    *(run('bn_baseline', 'with', change, after, seed) for change in CHANGES),
  ]


def run(network, preposition, change, source, seed):
  """A network with one field of another."""
  name = f'{network}_{preposition}_{change.split(".")[-1]}'
  value = source
  for part in change.split('.'):
    value = value[part]
  name += f'_seed{seed}' if seed else ''
  return name, config_of(network), BUDGET | {change: value, 'seed': seed}
