"""The scale of weights (section 3.3), and the verdicts on claims 4 and 27."""

import pytest
from paper.claims_made import Made, measured, run, seeds, verdict

from bn_repro.paper import section_3_3_scale as scale
from bn_repro.paper.ledger import CONTRADICTED, IDENTITY, INCONCLUSIVE, SUPPORTED
from bn_repro.report.seeds import by_number


def test_deviations_are_the_largest_of_an_epsilon():
  row = lambda epsilon, moved, weights, images: {
    'epsilon': epsilon, 'inputs_moved': moved, 'gradient_of_images': images,
    'gradient_of_weights_times_factor': weights,
  }  # fmt: skip
  rows = [row(0.0, 0.1, 1.2, 1), row(0.0, 0.2, 0.9, 0.5), row(None, 3, 1, 1)]
  largest = scale.deviations({'rows': rows})
  assert largest[0.0] == pytest.approx((0.2, 0.2, 0.5)) and largest[None] == (3, 0, 0)


def test_factors_are_in_order():
  runs = [run(f'batch_norm_x{factor}', [1]) for factor in (10, 0.01, 1)]
  assert list(by_number(runs, '_x')['batch_norm']) == [0.01, 1, 10]


@pytest.mark.parametrize('off, expected', [(1e-6, IDENTITY), (1e-2, CONTRADICTED)])
def test_4_scale(off, expected):
  rows = [
    {'epsilon': e, 'factor': 0.01, 'inputs_moved': moved, 'gradient_of_images': 1.0,
     'gradient_of_weights_times_factor': 1.0}
    for e, moved in ((1e-3, 0.9), (0.0, off))
  ]  # fmt: skip
  made = Made(weight_scale_batch_norm={'rows': rows})
  assert verdict('4', made) == expected
  assert measured('4', made).effect.value == off


@pytest.mark.parametrize(
  'lows, expected', [((90, 91, 92), SUPPORTED), ((10, 11, 12), INCONCLUSIVE)]
)
def test_27_less_dependent(lows, expected):
  runs = [
    one
    for network, low in (('baseline', (10, 11, 13)), ('batch_norm', lows))
    for factor, last in (('1', (95, 95, 95)), ('100', low))
    for one in seeds(f'{network}_x{factor}', *([10, v] for v in last))
  ]
  assert verdict('27', Made(initial_scale=runs)) == expected
