"""What the normalization sees: how many examples, and in which precision.

BN-x5 on mini-batches of 128 that are normalized in groups of 8, of 32 (as a replica of
the paper did), and whole; and on mini-batches of 32 in bfloat16. The moving average
beside algorithm 2 is in every run of this family.
"""

from configs.sweeps.inception_networks import BUDGET, config_of

GROUPS = (8, 32, 128)


def get_runs():
  """(name, config, overrides) of each run."""
  config = config_of('bn_x5')
  return [
    *((f'groups_of_{group}', config, BUDGET | in_groups(group)) for group in GROUPS),
    ('bfloat16', config, BUDGET | {'model.dtype': 'bfloat16'}),
  ]


def in_groups(group):
  """The overrides for mini-batches of 128 in such groups."""
  return {'batch_size': 128, 'model.normalization_group': group}
