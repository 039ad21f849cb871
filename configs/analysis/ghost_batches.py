"""Hoffer et al. (2017): large mini-batches, normalized in small groups.

As many examples are seen by all; twenty times larger mini-batches take a twentieth of
the steps, each longer by the root of twenty, as theirs did.
"""

from ml_collections import ConfigDict

from configs.analysis import variants

# The name of a variant: its mini-batches, and how many of them share their moments.
VARIANTS = {'small': (60, 60), 'large': (1_200, 1_200), 'ghosts': (1_200, 60)}


def get_config(variant: str = 'ghosts') -> ConfigDict:
  """The experiment for one of `VARIANTS`."""
  variants.choose(variant, VARIANTS)
  examples, group = VARIANTS[variant]
  config = variants.get_config('batch_norm')
  config.network = variant
  config.batch_size = examples
  config.model.normalization_group = group
  config.learning_rate *= (examples / 60) ** 0.5
  config.train_for = '20 epochs'
  config.evaluate_every = config.log_every = config.checkpoint_every = '1 epochs'
  config.training_images_evaluated = 10_000
  return config


def get_runs():
  """Of the sweep."""
  return variants.runs('ghost_batches', VARIANTS)
