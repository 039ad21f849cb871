"""Why BN-x5 falls short of the plain network here: does its rate fall too soon?

Section 4.2.1 lets the rate fall six times as fast, by epochs, and an epoch of
Imagenette has 135 times fewer steps than one of ImageNet. So BN-x5 with the decay of
the plain network. BN-x5 as it is begins as in inception_networks.py, from where it is
taken.
"""

from configs import inception
from configs.sweeps.inception_networks import EVALUATED, SEEDS, config_of

DECAY = 'learning_rate_decay_every'


def get_runs():
  """(name, config, overrides) of each run."""
  slower = {DECAY: inception.get_config()[DECAY], 'train_for': '100 epochs'}
  return [
    (
      'bn_x5_decay_of_inception' + (f'_seed{seed}' if seed else ''),
      config_of('bn_x5'), EVALUATED | slower | {'seed': seed},
    )
    for seed in range(SEEDS)
  ]  # fmt: skip
