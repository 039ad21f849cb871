"""Stage 1b of the protocol: the first seeds of figure 3's networks again.

As in inception_stage1_networks.py, so that all three seeds of a network come from one
protocol and revision (claims 9 to 13, 23).
"""

from configs.sweeps._protocol import in_random_order, run_of
from configs.sweeps.inception_stage1_networks import SLOW

RUNS = (
  ('bn_baseline_seed0', 'bn_baseline', 60_000, 0, {}),
  ('inception_seed0', 'inception', 75_000, 0, {}),
  ('inception_seed1', 'inception', 75_000, 1, {}),
  ('bn_x5_seed0', 'bn_x5', 30_000, 0, {}),
  ('bn_x5_seed1', 'bn_x5', 30_000, 1, {}),
  ('bn_x5_decay_of_inception_seed0', 'bn_x5', 30_000, 0, SLOW),
  ('bn_x5_decay_of_inception_seed1', 'bn_x5', 30_000, 1, SLOW),
  ('bn_x30_seed0', 'bn_x30', 30_000, 0, {}),
  ('bn_x30_seed1', 'bn_x30', 30_000, 1, {}),
  ('bn_x5_sigmoid_seed1', 'bn_x5_sigmoid', 30_000, 1, {}),
)


def get_runs():
  """(name, config, overrides) of each run."""
  return in_random_order(
    run_of(name, network, steps, seed, **overrides)
    for name, network, steps, seed, overrides in RUNS
  )
