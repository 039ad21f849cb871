"""Verdicts on claim 29 follow from the inputs of nonlinearities."""

import pytest
from paper.claims_made import Made, measured, verdict

from bn_repro.paper.ledger import CONTRADICTED, SUPPORTED


@pytest.mark.parametrize('near, expected', [(0.09, SUPPORTED), (0.4, CONTRADICTED)])
def test_29_not_sparse(near, expected):
  rows = [
    {'side': 'input', 'layer': layer, 'near_zero': near + more}
    for layer, more in (('3a', 0.0), ('3b', 0.001), ('3c', 0.002))
  ]
  rows.append({'side': 'output', 'layer': '3a', 'near_zero': 0.9})
  pages = {f'nonlinearity_inputs_{n}': {'rows': rows} for n in ('inception', 'bn_x30')}
  assert verdict('29', Made(**pages)) == expected
  assert measured('29', Made(**pages)).number == 3
