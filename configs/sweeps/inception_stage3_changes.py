"""Stage 3 of the protocol: the seven changes in 32 runs (claims 17 to 22).

A fractional factorial design 2^(7-2) of resolution IV: every run has each change or has
it not, and every run counts for every change. The generators are F = ABCD and G = ABDE,
so that no main effect is aliased with an interaction of two.
"""

import itertools
import math

from configs import inception
from configs.sweeps._protocol import in_random_order, run_of

STEPS = 9_000
# After one constant a learning rate that falls by 4 % is 1/e.
_CONSTANT = 1 / -math.log(0.96)
# Constants as shares of the run: those of the paper, as shares of BN-x30's training.
_DECAY = {-1: 1.31, 1: 0.218}
FACTORS = {
  'A': ('learning_rate', {-1: 5 * inception.LEARNING_RATE,
                          1: 30 * inception.LEARNING_RATE}),
  'B': ('learning_rate_decay_every',
        {level: f'{share * STEPS / _CONSTANT:.0f} steps'
         for level, share in _DECAY.items()}),
  'C': ('model.dropout', {-1: 0.4, 1: 0.0}),
  # By the pilot's rule.
  'D': ('l2', {-1: 1e-3, 1: 2e-4}),
  'E': ('model.local_response_normalization', {-1: True, 1: False}),
  'F': ('shuffling', {-1: 'coarse', 1: 'thorough'}),
  'G': ('photometric_distortion', {-1: 1.0, 1: 0.5}),
}  # fmt: skip
GENERATORS = {'F': 'ABCD', 'G': 'ABDE'}


def design():
  """The levels of the seven factors in each run, -1 or 1: 32 dicts."""
  runs = []
  for levels in itertools.product((-1, 1), repeat=5):
    run = dict(zip('ABCDE', levels))
    for factor, generator in GENERATORS.items():
      run[factor] = math.prod(run[base] for base in generator)
    runs.append(run)
  return runs


def get_runs():
  """(name, config, overrides) of each run; the name has its levels, seed 0 to 31."""
  return in_random_order(_run_of(seed, levels) for seed, levels in enumerate(design()))


def _run_of(seed, levels):
  name = ''.join(f'{f}{"+" if level > 0 else "-"}' for f, level in levels.items())
  overrides = {FACTORS[f][0]: FACTORS[f][1][level] for f, level in levels.items()}
  return run_of(name, 'bn_x5', STEPS, seed, training_images_evaluated=1000, **overrides)
