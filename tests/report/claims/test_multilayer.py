"""Verdicts on what section 4.1's network can tell follow from its numbers."""

import numpy as np
import pytest

from bn_repro.report.claims import multilayer
from report.claims.made import Made, seeds


def with_drift(runs, drift):
  for one in runs:
    one.summary['percentile_drift'] = {
      percentile: {'relative': drift + 0.01 * one.config['seed']}
      for percentile in ('15', '50', '85')
    }
  return runs


SLOW = [[10, 80, 90, 95.2, 96], [10, 80, 91, 95.1, 96.1], [10, 81, 90, 95.3, 96.2]]
QUICK = [[10, 95.5, 96, 97, 97.5], [10, 95.1, 96, 97, 97.6], [10, 95.4, 96, 97, 97.4]]


@pytest.mark.parametrize('better, holds', [(QUICK, True), (SLOW[::-1], False)])
def test_1_faster_and_better(better, holds):
  runs = [*seeds('baseline', *SLOW), *seeds('batch_norm', *better)]
  found = multilayer.faster_and_better(Made(figure1=runs))
  assert found.holds == holds and found.number == 3
  if holds:
    assert found.value.mean == pytest.approx(3)  # step 300 against step 100


@pytest.mark.parametrize('drift, holds', [(0.1, True), (0.3, False)])
def test_2_steadier(drift, holds):
  runs = [*with_drift(seeds('baseline', *SLOW), 0.3),
          *with_drift(seeds('batch_norm', *QUICK), drift)]  # fmt: skip
  assert multilayer.steadier(Made(figure1=runs)).holds == holds


def runaway(outside=(10, 11, 12), bias=(0, 1, 2, 3, 4), still=(0, 0, 0, 0, 0), b=10.0):
  norm = multilayer.BIAS
  few = lambda last: [[10, last]] if np.isscalar(last) else [[10, v] for v in last]
  kinds = {
    'standardization_outside_gradient_rate1.0': few(outside),
    'standardization_rate1.0': few((94, 95, 96)),
  }
  runs = [r for name, of in kinds.items() for r in seeds(name, *of)]
  flat = [[10] * 5, [10] * 5]
  runs += seeds('centring_outside_gradient_rate0.1', *flat, **{norm: bias})
  runs += seeds('centring_rate0.1', *flat, **{norm: still})
  toy = {'way': 'mean, outside the gradient', 'bias': [0, b], 'loss': [0.9, 0.9]}
  return Made(runaway_bias=runs, toy_bias={'rows': [toy]})


@pytest.mark.parametrize(
  'changed, holds',
  [
    ({}, True),
    ({'outside': (94, 95, 96)}, False),
    ({'bias': (0, 4, 4, 4, 4)}, False),
    ({'still': (0, 0, 0, 0, 1)}, False),
    ({'b': 0.0}, False),
  ],
)
def test_3_the_bias_runs_away(changed, holds):
  assert multilayer.runaway(runaway(**changed)).holds == holds


@pytest.mark.parametrize('off, holds', [(1e-6, True), (1e-2, False)])
def test_4_scale(off, holds):
  rows = [
    {'epsilon': e, 'factor': 0.01, 'inputs_moved': moved, 'gradient_of_images': 1.0,
     'gradient_of_weights_times_factor': 1.0}
    for e, moved in ((1e-3, 0.9), (0.0, off))
  ]  # fmt: skip
  found = multilayer.scale_invariant(Made(weight_scale_batch_norm={'rows': rows}))
  assert found.holds == holds and found.value.mean == off


@pytest.mark.parametrize('off, holds', [(1e-6, True), (1e-3, False)])
def test_5_to_7_identities(off, holds):
  rows = [{'name': 'folded', 'deviation': 1e-7}, {'name': 'bias', 'deviation': off}]
  made = Made(identities={'rows': rows, 'images': 5})
  assert multilayer.identity('bias')(made).holds == holds
  assert multilayer.identity('folded', 'bias')(made).value.mean == off
  assert multilayer.identity('folded')(made).holds


@pytest.mark.parametrize('lows, holds', [((90, 91, 92), True), ((10, 11, 12), False)])
def test_27_less_dependent(lows, holds):
  runs = [
    one
    for network, low in (('baseline', (10, 11, 12)), ('batch_norm', lows))
    for factor, last in (('1', (95, 95, 95)), ('100', low))
    for one in seeds(f'{network}_x{factor}', *([10, v] for v in last))
  ]
  assert multilayer.less_dependent(Made(initial_scale=runs)).holds == holds


@pytest.mark.parametrize('low, holds', [(0.6, True), (0.1, False)])
def test_28_jacobians(low, holds):
  columns = {
    f'jacobian/layer_{i}/percentile_{p}': [1, value]
    for i in (2, 3)
    for p, value in ((10, low), (50, 0.9), (90, 1.5))
  }
  runs = [one for name in ('baseline', 'batch_norm')
          for one in seeds(name, [1, 2], [1, 2], **columns)]  # fmt: skip
  assert multilayer.jacobians(Made(optimization=runs)).holds == holds
