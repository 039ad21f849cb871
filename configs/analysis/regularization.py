"""Section 3.4, claim 17: how much the noise of batch-mates, and dropout, regularize.

Mini-batches stay at 60 and with them the noise of the gradient; they are normalized in
groups of 4 to 60. Accuracy on training images is measured beside that on test images.
"""

from ml_collections import ConfigDict

from configs.analysis import variants

GROUPS = (4, 12, 60)
# The name of a variant: the examples normalized together (None for no BN), and dropout.
VARIANTS = {f'groups_of_{group}': (group, 0.0) for group in GROUPS} | {
  'dropout': (60, 0.2),
  'baseline': (None, 0.0),
  'baseline_dropout': (None, 0.2),
}


def get_config(variant: str = 'groups_of_60') -> ConfigDict:
  """The experiment for one of `VARIANTS`."""
  variants.choose(variant, VARIANTS)
  group, dropout = VARIANTS[variant]
  config = variants.get_config('batch_norm' if group else 'baseline')
  config.network = variant
  if group:
    config.model.normalization_group = group
  config.variant.dropout = dropout
  config.train_for = '20_000 steps'
  config.training_images_evaluated = 10_000
  return config


def get_runs():
  """Of the sweep."""
  return variants.runs('regularization', VARIANTS)
