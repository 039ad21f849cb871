"""Section 4.1's two networks on the embedded digits, three seeds each.

8x8 images keep more when they stay grey, and 1,437 of them are learnt in 5,000
steps at a rate of 0.5: a small picture of the experiment, not the experiment.
"""

OVERRIDES = {
  'dataset.name': 'digits',
  'dataset.pixels': 'grey',
  'learning_rate': 0.5,
  'train_for': '5_000 steps',
  'log_every': '50 steps',
  'evaluate_every': '50 steps',
}


def get_runs():
  """(name, config, overrides) of each run."""
  return [
    (
      f'{network}_seed{seed}',
      f'configs/mnist.py:{network}',
      OVERRIDES | {'seed': seed},
    )
    for seed in range(3)
    for network in ('batch_norm', 'baseline')
  ]
