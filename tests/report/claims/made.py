"""Evidence that was made up, on either side of the rule of a claim."""

import numpy as np

from bn_repro.report.claims.ledger import Missing
from bn_repro.report.collect import Run


class Made:
  """Evidence that was made up."""

  def __init__(self, **found):
    self._found = found

  def runs(self, folder, name):
    return self._get(name)

  def page(self, folder, name):
    return self._get(name)

  def _get(self, name):
    if not (found := self._found.get(name)):
      raise Missing(name)
    return found


def run(name, accuracies, seed=0, curves=None, diverged=False, **config):
  """With these test accuracies in percent, evaluated every 100 steps."""
  accuracies = np.asarray(accuracies, float) / 100
  columns = {'step': 100.0 * np.arange(len(accuracies)), 'test_accuracy': accuracies}
  usual = {
    'seed': seed, 'network': name, 'learning_rate': 0.0015, 'batch_size': 32,
    'dataset.num_classes': 10,
  }  # fmt: skip
  summary = {
    'config': usual | config, 'diverged': diverged, 'num_steps': 10**6,
    'best_test_accuracy': accuracies.max(), 'wall_seconds': 1.0,
    'diverged_between_steps': [100, 200] if diverged else None,
  }  # fmt: skip
  return Run(f'{name}_seed{seed}', summary, columns | (curves or {}))


def seeds(name, *of_seeds, **columns):
  """A run for each list of accuracies."""
  return [
    run(name, accuracies, seed, {c: np.asarray(v, float) for c, v in columns.items()})
    for seed, accuracies in enumerate(of_seeds)
  ]


PLAIN = run('inception', [10] + [40] * 30 + [70])
