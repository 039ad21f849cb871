"""Runs of figure 3 whose curves were made up."""

import numpy as np

from bn_repro.report.collect import Run

EVERY = 100  # steps between evaluations of `run_of`


def run_of(network, *accuracies, seed=0, name='', diverged=False, **config):
  """A run with these accuracies in percent, from step 0 on."""
  steps = EVERY * np.arange(len(accuracies), dtype=float)
  accuracy = np.asarray(accuracies) / 100
  return made(network, steps, accuracy, seed, name, diverged, **config)


def learning(
  network, steps_to_75, seed=0, name='', limit=0.8, horizon=50_000, **config
):
  """A run whose accuracy rises by a tenth for each e-fold of steps, up to a limit."""
  steps = np.concatenate([[0.0], np.geomspace(50, horizon, 120)])
  rising = 0.75 + 0.1 * np.log(np.maximum(steps, 1) / steps_to_75)
  return made(network, steps, np.clip(rising, 0.1, limit), seed, name, **config)


def made(network, steps, accuracy, seed, name, diverged=False, **config):
  """A run with this curve."""
  curves = {
    'step': steps,
    'test_accuracy': accuracy,
    'test_accuracy_moving_average': accuracy - 0.01,
    'train_accuracy_undistorted': np.minimum(accuracy + 0.1, 1),
  }
  usual = {
    'network': network, 'seed': seed, 'learning_rate': 0.0015, 'batch_size': 32,
    'dataset.name': 'imagenette_160', 'dataset.size': 64, 'model.width': 0.25,
    'model.normalization_group': 32, 'model.dropout': 0.4, 'train_at_least': '3 epochs',
    'model.dtype': 'float32', 'model.decay': 0.99, 'dataset.num_classes': 10,
    'train_for': '2 epochs', 'learning_rate_decay_every': '8 epochs',
  }  # fmt: skip
  summary = {
    'config': usual | config, 'examples_per_second': 320.0,
    'num_steps': int(steps[-1]),
    'diverged': diverged, 'diverged_between_steps': [100, 200] if diverged else None,
    'git_revision': 'a' * 40, 'device': 'a cpu', 'versions': {'jax': '1'},
    'wall_seconds': 3600.0,
  }  # fmt: skip
  return Run(name or f'{network}_seed{seed}', summary, curves)


def several(network, *steps_to_75, **options):
  """A run of a network for each number of steps to 75 %."""
  return [learning(network, s, seed, **options) for seed, s in enumerate(steps_to_75)]


PLAIN = several('inception', 20_000, 21_000)
BN_X5 = several('bn_x5', 6_000, 6_300, learning_rate=0.0075)


def networks():
  baseline = several('bn_baseline', 18_000, 18_500)
  return {'inception': PLAIN, 'bn_baseline': baseline, 'bn_x5': BN_X5}
