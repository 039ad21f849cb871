"""Stage 2b of the protocol: both sides at their best rate (claims 9, 10, 12, 13, 23).

Annealed runs of several lengths; the speed-up is the horizontal distance between
accuracy at the end against the number of steps. The recipe of BN-x5 has shorter runs,
too, and BN alone one, so that the accuracy of Inception's longest lies between two of
their lengths.

BEST holds the learning rates that stage 2a finds, to three digits; a test holds them to
it. Sigmoids have that of the recipe.
"""

from configs.sweeps._protocol import FEW_EVALUATIONS, annealed, in_random_order, run_of

BEST = {
  'inception': 0.0185, 'bn_baseline': 0.0346, 'bn_x5': 0.0373, 'bn_x5_sigmoid': 0.0373
}  # fmt: skip
HORIZONS = {
  'bn_baseline': (6_000, 12_000, 24_000),
  'bn_x5': (3_000, 6_000, 12_000, 24_000),
  'bn_x5_sigmoid': (12_000,),
}
SEEDS = 4


def get_runs():
  """(name, config, overrides) of each run."""
  return in_random_order(
    run_of(
      f'{network}_{steps}_steps_seed{seed}', network, steps, seed,
      learning_rate=rate, **annealed(steps), **FEW_EVALUATIONS,
    )
    for network, rate in BEST.items()
    for steps in HORIZONS.get(network, (12_000, 24_000))
    for seed in range(SEEDS)
  )  # fmt: skip
