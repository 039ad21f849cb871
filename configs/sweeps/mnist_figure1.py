"""Figure 1: both networks of section 4.1, five seeds each, 50,000 steps."""

SEEDS = range(5)


def get_runs():
  """(name, config, overrides) of each run."""
  return [
    (f'{network}_seed{seed}', f'configs/mnist.py:{network}', {'seed': seed})
    for seed in SEEDS
    for network in ('batch_norm', 'baseline')
  ]
