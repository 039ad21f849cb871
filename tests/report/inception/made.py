"""Runs of figure 3 whose curves were written down by hand."""

import numpy as np

from bn_repro.report.collect import Run

EVERY = 100  # steps between evaluations


def run_of(network, *accuracies, seed=0, name='', diverged=False, **config):
  """A run with these accuracies in percent, from step 0 on."""
  accuracy = np.asarray(accuracies) / 100
  curves = {
    'step': EVERY * np.arange(len(accuracies), dtype=float),
    'test_accuracy': accuracy,
    'test_accuracy_moving_average': accuracy - 0.01,
    'train_accuracy_undistorted': np.minimum(accuracy + 0.1, 1),
  }
  usual = {
    'network': network, 'seed': seed, 'learning_rate': 0.0015, 'batch_size': 32,
    'dataset.name': 'imagenette_160', 'dataset.size': 64, 'model.width': 0.25,
    'model.normalization_group': 32, 'model.dropout': 0.4, 'train_at_least': '3 epochs',
    'model.dtype': 'float32', 'model.decay': 0.99, 'dataset.num_classes': 10,
    'train_for': '2 epochs',
  }  # fmt: skip
  summary = {
    'config': usual | config, 'examples_per_second': 320.0,
    'num_steps': EVERY * (len(accuracies) - 1),
    'diverged': diverged, 'diverged_between_steps': [100, 200] if diverged else None,
    'git_revision': 'a' * 40, 'device': 'a cpu', 'versions': {'jax': '1'},
    'wall_seconds': 3600.0,
  }  # fmt: skip
  return Run(name or f'{network}_seed{seed}', summary, curves)


PLAIN = [
  run_of('inception', 10, 30, 50, 60, 60),
  run_of('inception', 10, 20, 40, 50, 70, 65, seed=1),
]
BN_X5 = [
  run_of('bn_x5', 10, 60, 70),  # meets 60 at step 100, the plain one at 300
  run_of('bn_x5', 10, 50, 75, seed=1),  # meets 70 at step 200, the plain one at 400
]


def networks():
  baseline = [
    run_of('bn_baseline', 10, 55, 66), run_of('bn_baseline', 10, 55, 70, seed=1)
  ]  # fmt: skip
  return {'inception': PLAIN, 'bn_baseline': baseline, 'bn_x5': BN_X5}
