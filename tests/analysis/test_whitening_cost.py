"""Both layers are timed, and the rank is that of the mini-batch."""

import pytest

from bn_repro.analysis import whitening_cost
from bn_repro.paper import section_2_whitening
from bn_repro.paper.analysis_page import TABLES


@pytest.mark.slow
def test_a_mini_batch_of_60_has_a_covariance_of_rank_59_at_most(monkeypatch):
  monkeypatch.setattr(whitening_cost, 'SECONDS', 1e-4)
  found = whitening_cost.measure(widths=(5, 70), rounds=2)
  assert [row['rank'] for row in found['rows']] == [5, 59]
  for row in found['rows']:
    assert [len(seconds) for seconds in row['seconds'].values()] == [2, 2]
  assert TABLES['whitening_cost'](found).count('times as long') == 2


def test_ratios_are_of_the_same_round():
  row = {'seconds': {'whitening': [4.0, 9.0], 'per_dimension': [2.0, 3.0]}}
  assert section_2_whitening.times_as_long(row).tolist() == [2.0, 3.0]
