"""What is concluded from the grid, on runs made up for it."""

import numpy as np
import pytest

from bn_repro.paper import section_4_1_grid as grid
from bn_repro.report import collect


def made_up(network, rate, seed, accuracies, diverged=False):
  """A run evaluated at 0, 1,000, 5,000, 10,000 and 50,000 steps."""
  steps = np.asarray([0, *grid.STEPS])[: len(accuracies)]
  summary = {
    'config': {
      'network': network,
      'learning_rate': rate,
      'model.init_std': 0.1,
      'seed': seed,
    },
    'best_test_accuracy': max(accuracies),
    'diverged': diverged,
  }
  curves = {'step': steps, 'test_accuracy': np.asarray(accuracies)}
  return collect.Run(f'{network}{rate}{seed}', summary, curves)


@pytest.fixture
def plain():
  return grid.settings(
    [
      *(made_up('a', 0.1, s, [0.1, 0.2, 0.5, 0.8, 0.9 + s / 100]) for s in range(2)),
      *(made_up('a', 1.0, s, [0.1, 0.6, 0.7, 0.7, 0.8]) for s in range(2)),
      *(made_up('a', 9.0, s, [0.1, 0.11, 0.1, 0.1, 0.1]) for s in range(2)),
      made_up('a', 99.0, 0, [0.1], diverged=True),
    ]
  )['a']


def test_best_setting_depends_on_the_number_of_steps(plain):
  assert grid.best(plain, 1_000).learning_rate == 1.0
  assert grid.best(plain, 50_000).learning_rate == 0.1


def test_fastest_needs_every_seed(plain):
  assert grid.fastest(plain, 0.65).learning_rate == 1.0
  assert grid.fastest(plain, 0.905) is None  # one seed of two
  assert grid.fastest(plain, 0.9).learning_rate == 0.1


def test_failures(plain):
  assert [setting.failures() for setting in plain] == [
    '',
    '',
    'at chance (2 of 2)',
    'diverged (1 of 1)',
  ]


def test_a_diverged_run_has_no_accuracy_later(plain):
  assert np.isnan(plain[-1].at(50_000)).all()
  assert grid.best(plain, 50_000) is not plain[-1]
