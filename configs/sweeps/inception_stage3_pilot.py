"""The pilot of stage 3: which weight of the L2 penalty has an effect.

BN-x5 at four weights, two seeds each, less than three core-hours; protocol.md has the
rule by which they choose the two levels of stage 3. At the higher of its two learning
rates and the slower of its two decays: behind BN the product of learning rate and
weight is what counts, over the whole run. All else is as in BN-x5, which has a level
of each factor.
"""

from configs.sweeps._protocol import in_random_order, run_of
from configs.sweeps.inception_stage3_changes import FACTORS, STEPS

WEIGHTS = (2e-4, 1e-3, 5e-3, 2.5e-2)
SEEDS = 2


def get_runs():
  """(name, config, overrides) of each run."""
  return in_random_order(
    run_of(
      f'l2_{weight:g}_seed{seed}', 'bn_x5', STEPS, seed, l2=weight,
      learning_rate=FACTORS['A'][1][1],
      learning_rate_decay_every=FACTORS['B'][1][-1],
    )
    for weight in WEIGHTS
    for seed in range(SEEDS)
  )  # fmt: skip
