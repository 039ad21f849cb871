"""Section 3.2, claims 5 and 7: where to normalize, and with which parameters.

z = g(BN(Wu)) against z = BN(g(Wu + b)), either with gamma and beta and without; and the
first with the bias that the paper leaves out.
"""

from ml_collections import ConfigDict

from configs.analysis import variants

# The name of a variant: placement, whether there are gamma and beta, and a bias.
VARIANTS = {
  'before': ('before', True, False),
  'before_without_gamma_and_beta': ('before', False, False),
  'before_with_bias': ('before', True, True),
  'after': ('after', True, True),
  'after_without_gamma_and_beta': ('after', False, True),
}
BASELINE = 'baseline'  # and nothing normalized


def get_config(variant: str = 'before') -> ConfigDict:
  """The experiment for one of `VARIANTS`, or for `BASELINE`."""
  variants.choose(variant, (*VARIANTS, BASELINE))
  config = variants.get_config(BASELINE if variant == BASELINE else 'batch_norm')
  if variant != BASELINE:
    placement, gamma_and_beta, bias = VARIANTS[variant]
    config.variant.placement = placement
    config.variant.gamma_and_beta = gamma_and_beta
    config.variant.bias = bias
  config.network = variant
  config.probes = ('parameter_norms',)
  return config


def get_runs():
  """Of the sweep."""
  return variants.runs('placement', (*VARIANTS, BASELINE))
