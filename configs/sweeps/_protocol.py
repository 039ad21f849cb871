"""What all stages of results/inception/protocol.md have in common.

Evaluations at 40 log-spaced steps and at five in the last tenth, population statistics
of those five over 300 mini-batches, averaged weights as a second curve, no patience.
Stages that use accuracy at the end alone have `FEW_EVALUATIONS`.
"""

import random

from configs.sweeps.inception_networks import config_of

MEASURED = {
  'evaluate_every': '100 steps', 'log_spaced_evaluations': 40,
  'last_population_batches': 300, 'moving_average_evaluated': False,
  'polyak_decay': 0.999, 'checkpoint_every': '1000 steps', 'patience': 0.0,
  'evaluation_batch_size': 32,  # changes no number; fits into a core's cache
}  # fmt: skip
# In a run of 6,000 steps all 45, of weights and averaged weights, are nearly as many
# forward passes as its steps.
FEW_EVALUATIONS = {'log_spaced_evaluations': 12, 'polyak_decay': 0.0}
ORDER_SEED = 20_261_128
# Learning rates fall by 4 %, so many times until they are 2 %.
DECAYS_TO_2_PERCENT = 95.8


def run_of(name, network, steps, seed, **overrides):
  """(name, config, overrides) of a run of that many steps."""
  length = {'train_for': f'{steps} steps', 'seed': seed}
  return name, config_of(network), MEASURED | length | overrides


def annealed(steps):
  """The decay that leaves 2 % of the learning rate at the end."""
  every = max(1, round(steps / DECAYS_TO_2_PERCENT))
  return {'learning_rate_decay_every': f'{every} steps'}


def in_random_order(runs):
  """The runs in an order that says nothing of what they are, the same each time."""
  shuffled = list(runs)
  random.Random(ORDER_SEED).shuffle(shuffled)
  return shuffled
