"""Stage 4 of the protocol: what the network without BN is (claims 14 and 15).

Inception from four kinds of initial weights at three learning rates: does it diverge at
five times its learning rate without He's? There each other kind has six seeds: with
fewer, all or none of them diverging would not tell a share from a half. And with
sigmoids for 60,000 steps: does it ever leave chance?
"""

from configs import inception
from configs.sweeps._protocol import FEW_EVALUATIONS, in_random_order, run_of

STEPS, STEPS_OF_SIGMOIDS, SEEDS, SEEDS_OF_CLAIM_15 = 2_000, 60_000, 2, 6
INITIAL_WEIGHTS = {
  'he': {'model.weight_variance': 2.0},
  'fan_in': {'model.weight_variance': 1.0},
  'std0.03': {'model.weight_std': 0.03},
  'std0.01': {'model.weight_std': 0.01},
}
TIMES = (1, 5, 10)


def get_runs():
  """(name, config, overrides) of each run."""
  plain = [
    run_of(
      f'{kind}_x{times}_seed{seed}', 'inception', STEPS, seed,
      learning_rate=times * inception.LEARNING_RATE, **weights, **FEW_EVALUATIONS,
    )
    for kind, weights in INITIAL_WEIGHTS.items()
    for times in TIMES
    for seed in range(SEEDS_OF_CLAIM_15 if times == 5 and kind != 'he' else SEEDS)
  ]  # fmt: skip
  sigmoids = [
    run_of(f'sigmoid_seed{seed}', 'inception_sigmoid', STEPS_OF_SIGMOIDS, seed)
    for seed in range(SEEDS)
  ]
  return in_random_order([*plain, *sigmoids])
