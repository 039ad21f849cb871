"""Stage 2a of the protocol: the best learning rate of each side (claims 15, 16, 23).

Inception, BN alone and the recipe of BN-x5 at six learning rates, a factor of two
apart; each run is annealed to 2 % at its own end.
"""

from configs.sweeps._protocol import FEW_EVALUATIONS, annealed, in_random_order, run_of

STEPS, SEEDS, RATES = 6_000, 2, 6
LOWEST = {'inception': 0.0015, 'bn_baseline': 0.0015, 'bn_x5': 0.006}


def get_runs():
  """(name, config, overrides) of each run."""
  return in_random_order(
    run_of(
      f'{network}_rate{lowest * 2**i:g}_seed{seed}', network, STEPS, seed,
      learning_rate=lowest * 2**i, **annealed(STEPS), **FEW_EVALUATIONS,
    )
    for network, lowest in LOWEST.items()
    for i in range(RATES)
    for seed in range(SEEDS)
  )  # fmt: skip
