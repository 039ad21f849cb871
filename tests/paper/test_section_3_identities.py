"""Verdicts on claims 5 and 6 follow from the largest deviation of each identity."""

import pytest
from paper.claims_made import Made, measured, verdict

from bn_repro.paper.ledger import CONTRADICTED, IDENTITY


@pytest.mark.parametrize('off, expected', [(1e-6, IDENTITY), (1e-3, CONTRADICTED)])
def test_5_and_6_identities(off, expected):
  rows = [{'name': 'identity', 'deviation': off}, {'name': 'folded', 'deviation': off},
          {'name': 'batch_mates', 'deviation': 1e-7}]  # fmt: skip
  made = Made(identities={'rows': rows, 'images': 5})
  assert verdict('5', made) == verdict('6', made) == expected
  assert measured('6', made).effect.value == off
