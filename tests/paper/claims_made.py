"""Evidence that was made up, on either side of the margin of a claim."""

import numpy as np

from bn_repro.paper import claims as claims_lib
from bn_repro.paper import ledger
from bn_repro.paper.ledger import Missing
from bn_repro.report.collect import Run


class Made:
  """Evidence that was made up."""

  def __init__(self, **found):
    self._found = found
    self.files = []

  def runs(self, folder, name):
    return self._get(name)

  def page(self, folder, name):
    return self._get(name)

  def _get(self, name):
    if not (found := self._found.get(name)):
      raise Missing(name)
    return found


CLAIMS = {claim.key: claim for claim in claims_lib.all_claims()}


def measured(key, made):
  """What is measured for a claim."""
  return claims_lib.MEASURES[key](made)


def verdict(key, made):
  """The verdict on a claim."""
  return ledger.verdict(CLAIMS[key], measured(key, made))


def run(name, accuracies, seed=0, curves=None, diverged=False, **config):
  """With these test accuracies in percent, evaluated every 100 steps."""
  accuracies = np.asarray(accuracies, float) / 100
  columns = {'step': 100.0 * np.arange(len(accuracies)), 'test_accuracy': accuracies}
  return made_run(name, columns | (curves or {}), seed, diverged, **config)


def made_run(name, columns, seed=0, diverged=False, **config):
  usual = {
    'seed': seed, 'network': name, 'learning_rate': 0.0015, 'batch_size': 32,
    'dataset.num_classes': 10,
  }  # fmt: skip
  summary = {
    'config': usual | config, 'diverged': diverged,
    'num_steps': int(columns['step'][-1]),
    'best_test_accuracy': columns['test_accuracy'].max(), 'wall_seconds': 1.0,
    'diverged_between_steps': [100, 200] if diverged else None,
    'git_revision': 'a' * 40, 'device': 'a cpu', 'examples_per_second': 320.0,
  }  # fmt: skip
  return Run(f'{name}_seed{seed}', summary, columns)


def seeds(name, *of_seeds, **columns):
  """A run for each list of accuracies."""
  return [
    run(name, accuracies, seed, {c: np.asarray(v, float) for c, v in columns.items()})
    for seed, accuracies in enumerate(of_seeds)
  ]


def of_seed(run, seed):
  """The run as if it had another seed."""
  config = run.config | {'seed': seed}
  name = run.name.replace('_seed0', f'_seed{seed}')
  return run._replace(name=name, summary=run.summary | {'config': config})


def learning(name, steps_to_75, seed=0, limit=0.8, horizon=50_000, **config):
  """A run whose accuracy rises by a tenth for each e-fold of steps, up to a limit."""
  steps = np.concatenate([[0.0], np.geomspace(50, horizon, 120)])
  rising = 0.75 + 0.1 * np.log(np.maximum(steps, 1) / steps_to_75)
  accuracy = np.clip(rising, 0.1, limit)
  columns = {
    'step': steps, 'test_accuracy': accuracy,
    'train_accuracy_undistorted': np.minimum(accuracy + 0.1, 1.0),
  }  # fmt: skip
  return made_run(name, columns, seed, **config)


def several(name, *steps_to_75, **options):
  """A run of a network for each number of steps to 75 %."""
  return [learning(name, s, seed, **options) for seed, s in enumerate(steps_to_75)]


PLAIN = several('inception', 20_000, 21_000)
