"""The network of section 4.1, with every part of it named that an experiment changes.

As it stands it is that of configs/mnist.py, for fewer steps. The other files of this
folder change a line or two each, and say what they are after:

python -m bn_repro --config=configs/analysis/placement.py:after --workdir=runs/after
python scripts/sweep.py --sweep=configs/analysis/placement.py \\
  --root=runs/analysis/placement
"""

from ml_collections import ConfigDict

from configs import mnist

SEEDS = range(5)
EVERY = '200 steps'


def get_config(network: str = 'batch_norm') -> ConfigDict:
  """The experiment for one of `mnist.NETWORKS`."""
  config = mnist.get_config(network)
  config.train_for = '10_000 steps'
  config.evaluate_every = config.log_every = EVERY
  config.checkpoint_every = '5_000 steps'
  config.probes = ()  # of bn_repro/training/probes/probes.py

  config.variant = ConfigDict()
  # Or 'whitening', or one of the attempts of section 2: 'centring', 'standardization',
  # and both with '_outside_gradient'.
  config.variant.normalizer = 'batch_norm'
  config.variant.placement = 'before'  # of the nonlinearity, or 'after' (section 3.2)
  config.variant.gamma_and_beta = True
  config.variant.bias = False  # under the normalization; without it there always is one
  config.variant.dropout = 0.0  # of the outputs of hidden layers
  config.variant.noise = False  # that changes with every step (Santurkar et al., 2018)
  config.variant.scale_of_layer_2 = 1.0  # of the initial weights, times init_std
  return config


def choose(variant: str, variants) -> None:
  """Raises ValueError unless the variant is one of them."""
  if variant not in variants:
    raise ValueError(f'no variant {variant!r}; there are {", ".join(variants)}')


def runs(name: str, variants, form: str = '{}') -> list[tuple[str, str, dict]]:
  """(name, config, overrides) of every variant with every seed, seed by seed.

  `form` makes a name of the parts of a variant, which commas separate.
  """
  return [
    (f'{form.format(*variant.split(","))}_seed{seed}',
     f'configs/analysis/{name}.py:{variant}', {'seed': seed})
    for seed in SEEDS
    for variant in variants
  ]  # fmt: skip
