"""The moving average and equal learning rates, on runs made up for them."""

import numpy as np
import pytest
from paper.claims_made import run

from bn_repro.paper import after_the_paper
from bn_repro.report import seeds
from support import PROJECT


def test_the_moving_average_is_off_by_absolute_differences():
  """Up to step 500 and after it; step 0 does not count."""
  tracked = np.asarray([0.5, 0.3, 0.5, 0.71])
  one = run(
    'decay0.9_rate1.0', [50, 40, 60, 70],
    curves={'test_accuracy_moving_average': tracked, 'step': 250 * np.arange(4)},
  )  # fmt: skip
  early, after = after_the_paper.early_and_after([one])
  assert early == [pytest.approx(0.1)] and after == [pytest.approx(0.01)]


def test_networks_at_a_rate_are_compared_seed_by_seed():
  of = {'batch_norm': (80, 91), 'baseline': (70, 60)}
  runs = [
    run(f'{network}_rate{rate}', [0, last + seed], seed=seed)
    for network, ends in of.items()
    for rate, last in zip(('10.0', '0.01'), ends)
    for seed in (1, 0)
  ]
  networks = seeds.by_number(runs, '_rate')
  assert [*networks['baseline']] == [*networks['batch_norm']] == [0.01, 10.0]
  plain, normalized = (networks[name][0.01] for name in ('baseline', 'batch_norm'))
  differences = after_the_paper.difference(plain, normalized)
  np.testing.assert_allclose(differences, [0.31, 0.31])


def test_a_gap_has_its_unit():
  """Beside it accuracies are in percent, and say so in each cell."""
  page = (PROJECT / 'results' / 'analysis' / 'README.md').read_text()
  assert 'training less test, points |' in page
