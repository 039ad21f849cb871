"""Verdicts on crops, ensembles and shifted images follow from evaluations."""

import pytest
from paper.claims_made import Made, measured, verdict

from bn_repro.paper.ledger import CONTRADICTED, INCONCLUSIVE, SUPPORTED


def scores(accuracy):
  return {'top_1': {'accuracy': accuracy}, 'examples': 1000}


def evaluated(gains, together):
  one = (0.800, 0.805, 0.795)
  return Made(**{
    '1_crop': {'members': [scores(a) for a in one]},
    '144_crops': {'members': [scores(a + g) for a, g in zip(one, gains)],
                  'ensemble': scores(together), 'different_crops': 48},
  })  # fmt: skip


@pytest.mark.parametrize(
  'gains, expected',
  [((0.03, 0.031, 0.029), SUPPORTED), ((0.03, -0.03, 0.0), INCONCLUSIVE),
   ((-0.03, -0.031, -0.029), CONTRADICTED)],
)  # fmt: skip
def test_24_more_crops(gains, expected):
  assert verdict('24', evaluated(gains, 0.9)) == expected


@pytest.mark.parametrize(
  'together, expected', [(0.9, SUPPORTED), (0.82, INCONCLUSIVE), (0.7, CONTRADICTED)]
)
def test_25_the_ensemble_is_compared_with_its_best_member(together, expected):
  made = evaluated((0, 0, 0), together)
  assert verdict('25', made) == expected
  expected_points = 100 * (together - 0.805)
  assert measured('25', made).effect.value == pytest.approx(expected_points)


@pytest.mark.parametrize(
  'after, expected',
  [
    ((90, 89, 91), SUPPORTED),
    ((90, 60, 75), INCONCLUSIVE),
    ((62, 61, 63), CONTRADICTED),
  ],
)
def test_30_the_recovered_share_of_what_a_shift_costs(after, expected):
  """A shift costs 35 of 95; one that costs nothing does not count."""
  row = lambda shift, amount, before, after: {
    'shift': shift, 'amount': amount, 'images': 100, 'right_before': before,
    'right_after': after,
  }  # fmt: skip
  rows = [row('none', None, 95, 94), row('blur', 9, 95, 96)]
  rows += [row('blur', amount, 60, right) for amount, right in enumerate(after, 1)]
  made = Made(shifted_data={'rows': rows})
  assert verdict('30', made) == expected
  assert measured('30', made).number == 3


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
