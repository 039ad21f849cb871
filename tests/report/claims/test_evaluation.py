"""Verdicts on crops, ensembles and shifted images follow from evaluations."""

import pytest

from bn_repro.report.claims import evaluation
from report.claims.made import Made


def scores(accuracy):
  return {'top_1': {'accuracy': accuracy}, 'examples': 1000}


@pytest.mark.parametrize(
  'gain, together, holds', [(0.03, 0.9, True), (0.0, 0.8, False)]
)
def test_24_and_25_crops_and_members(gain, together, holds):
  one = [0.800, 0.805, 0.795]
  pages = {
    '1_crop': {'members': [scores(a) for a in one]},
    '144_crops': {'members': [scores(a + gain) for a in one],
                  'ensemble': scores(together)},
  }  # fmt: skip
  made = Made(**pages)
  assert evaluation.more_crops(made).holds == holds
  assert evaluation.ensemble(made).holds == holds


@pytest.mark.parametrize('after, holds', [((90, 80), True), ((50, 30), False)])
def test_30_shifted(after, holds):
  rows = [{'shift': 'none', 'amount': None, 'images': 100, 'right_before': 95,
           'right_after': 94}]  # fmt: skip
  rows += [
    {'shift': 'blur', 'amount': a, 'images': 100, 'right_before': 60, 'right_after': r}
    for a, r in enumerate(after, start=1)
  ]
  assert evaluation.shifted(Made(shifted_data={'rows': rows})).holds == holds


@pytest.mark.parametrize('near, holds', [(0.09, True), (0.4, False)])
def test_29_not_sparse(near, holds):
  rows = [{'side': 'input', 'layer': '3a', 'near_zero': near},
          {'side': 'output', 'layer': '3a', 'near_zero': 0.9}]  # fmt: skip
  pages = {f'nonlinearity_inputs_{n}': {'rows': rows} for n in ('inception', 'bn_x30')}
  found = evaluation.not_sparse(Made(**pages))
  assert found.holds == holds and found.number == 2
