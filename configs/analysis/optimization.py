"""Section 4.1 and after: is it covariate shift that batch normalization reduces?

Both networks of section 4.1, and both with noise that gives every sigmoid's inputs
another mean and scale at each step: "noisy" batch normalization (Santurkar et al.,
2018). All are watched by three probes: covariate shift by two measures, the singular
values of layers (claim 28), and the loss and its gradient along the step.
"""

from ml_collections import ConfigDict

from configs import mnist
from configs.analysis import variants

VARIANTS = (*mnist.NETWORKS, *(f'{network}_noisy' for network in mnist.NETWORKS))


def get_config(variant: str = 'batch_norm') -> ConfigDict:
  """The experiment for one of `VARIANTS`."""
  variants.choose(variant, VARIANTS)
  config = variants.get_config(variant.removesuffix('_noisy'))
  config.network = variant
  config.variant.noise = variant.endswith('_noisy')
  config.probes = ('covariate_shift', 'landscape', 'layer_jacobians')
  return config


def get_runs():
  """Of the sweep."""
  return variants.runs('optimization', VARIANTS)
