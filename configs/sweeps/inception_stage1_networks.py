"""Stage 1 of the protocol: figure 3's networks to three seeds (claims 9 to 13, 23).

The learning rates and decays of the paper, as in inception_networks.py. Stage 1b trains
the seeds that are not here, which were first trained with patience.
"""

from configs import inception
from configs.sweeps._protocol import in_random_order, run_of

SLOW = {
  'learning_rate_decay_every': inception.get_config()['learning_rate_decay_every']
}
RUNS = (
  ('bn_baseline_seed1', 'bn_baseline', 60_000, 1, {}),
  ('bn_baseline_seed2', 'bn_baseline', 60_000, 2, {}),
  ('inception_seed2', 'inception', 75_000, 2, {}),
  ('bn_x5_seed2', 'bn_x5', 30_000, 2, {}),
  ('bn_x5_decay_of_inception_seed2', 'bn_x5', 30_000, 2, SLOW),
  ('bn_x30_seed2', 'bn_x30', 30_000, 2, {}),
  ('bn_x5_sigmoid_seed2', 'bn_x5_sigmoid', 30_000, 2, {}),
  ('bn_x5_sigmoid_seed0', 'bn_x5_sigmoid', 30_000, 0, {}),
)


def get_runs():
  """(name, config, overrides) of each run."""
  return in_random_order(
    run_of(name, network, steps, seed, **overrides)
    for name, network, steps, seed, overrides in RUNS
  )
