"""Verdicts on claim 28 follow from the singular values of layer Jacobians."""

import pytest
from paper.claims_made import Made, of_seed, seeds, verdict

from bn_repro.paper.ledger import CONTRADICTED, SUPPORTED


@pytest.mark.parametrize('low, expected', [(0.6, SUPPORTED), (0.1, CONTRADICTED)])
def test_28_jacobians(low, expected):
  runs = []
  for name in ('baseline', 'batch_norm'):
    for seed in (0, 1):
      columns = {
        f'jacobian/layer_{i}/percentile_{p}': [1, value + 0.001 * seed]
        for i in (2, 3)
        for p, value in ((10, low), (50, 0.9), (90, 1.5))
      }
      (run,) = seeds(name, [1, 2], **columns)
      runs.append(of_seed(run, seed))
  assert verdict('28', Made(optimization=runs)) == expected
