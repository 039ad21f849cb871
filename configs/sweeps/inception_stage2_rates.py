"""Stage 2a of the protocol: the best learning rate of each side (claim 16).

Inception, BN alone and the recipe of BN-x5 at six learning rates, a factor of two
apart; each run is annealed to 2 % at its own end. BN alone was best at the highest of
its six, for which the protocol has two further ones.
"""

from configs.sweeps._protocol import FEW_EVALUATIONS, annealed, in_random_order, run_of

STEPS, SEEDS, RATES = 6_000, 2, 6
LOWEST = {'inception': 0.0015, 'bn_baseline': 0.0015, 'bn_x5': 0.006}
FURTHER = {'bn_baseline': (6, 7)}


def get_runs():
  """(name, config, overrides) of each run, the further ones last."""
  first = dict.fromkeys(LOWEST, range(RATES))
  return [*in_random_order(_runs_at(first)), *in_random_order(_runs_at(FURTHER))]


def _runs_at(doublings):
  """Runs of each network at its lowest learning rate, doubled so many times."""
  for network, times in doublings.items():
    for i in times:
      rate = LOWEST[network] * 2**i
      for seed in range(SEEDS):
        yield run_of(
          f'{network}_rate{rate:g}_seed{seed}', network, STEPS, seed,
          learning_rate=rate, **annealed(STEPS), **FEW_EVALUATIONS,
        )  # fmt: skip
