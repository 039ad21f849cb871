"""Learning rate x initial standard deviation, both networks, three seeds.

The paper names neither value, and the gap between the networks is a function of
both (claims 1, 16 and 27). 50,000 steps each, as in section 4.1.
"""

import itertools

LEARNING_RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
INIT_STDS = (0.01, 0.1, 1.0)
SEEDS = range(3)


def get_runs():
  """(name, config, overrides) of each run; every seed is whole before the next."""
  return [
    (
      f'{network}_rate{rate}_std{std}_seed{seed}',
      f'configs/mnist.py:{network}',
      {
        'seed': seed,
        'learning_rate': rate,
        'model.init_std': std,
        'evaluate_every': '500 steps',
        'log_every': '500 steps',
        'checkpoint_every': '25_000 steps',
      },
    )
    for seed, rate, std, network in itertools.product(
      SEEDS, LEARNING_RATES, INIT_STDS, ('batch_norm', 'baseline')
    )
  ]
