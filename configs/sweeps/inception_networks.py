"""Figures 2 and 3: the five networks of section 4.2.2, on ten classes.

Imagenette at 64 pixels, a quarter of the width, mini-batches of 32. Each trains until
its validation accuracy has not risen for a fifth of its steps. Learning rates are the
paper's; inception_learning_rates.py asks for others. The first seed of all comes first.
The learning rates, the ablation and the normalization have a budget instead, of a
quarter of an hour of one core for each run.
"""

NETWORKS = ('inception', 'bn_x5', 'bn_x30', 'bn_baseline', 'bn_x5_sigmoid')
SEEDS = 3
# To see how far training images are ahead.
EVALUATED = {'training_images_evaluated': 1000}
# Patience is meant to end them; a run that train_for ends is named in the results.
LENGTH = {'train_for': '400 epochs', 'train_at_least': '30 epochs', 'patience': 0.2}
BUDGET = EVALUATED | {'train_for': '20 epochs'}


def get_runs():
  """(name, config, overrides) of each run."""
  return [
    (f'{network}_seed{seed}', config_of(network), EVALUATED | LENGTH | {'seed': seed})
    for seed in range(SEEDS)
    for network in NETWORKS
  ]


def config_of(network):
  """Where the config of a network is."""
  return f'configs/{network}.py:imagenette_160'
