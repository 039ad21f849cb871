"""Verdicts on what section 4.1's network can tell follow from its numbers."""

import numpy as np
import pytest
from paper.claims_made import Made, measured, seeds, verdict

from bn_repro.paper.ledger import CONTRADICTED, IDENTITY, INCONCLUSIVE, SUPPORTED
from bn_repro.paper.section_2_bias import BIAS


def with_drift(runs, drift):
  for one in runs:
    one.summary['percentile_drift'] = {
      percentile: dict.fromkeys(
        ('relative', 'range'), drift + 0.01 * one.config['seed']
      )
      for percentile in ('15', '50', '85')
    }
  return runs


def of_seed(run, seed):
  """The run as if it had another seed."""
  config = run.config | {'seed': seed}
  name = run.name.replace('_seed0', f'_seed{seed}')
  return run._replace(name=name, summary=run.summary | {'config': config})


SLOW = [[10, 80, 90, 95.2, 96], [10, 80, 91, 95.1, 96.1], [10, 81, 90, 95.3, 96.2]]
QUICK = [[10, 95.5, 96, 97, 97.5], [10, 95.1, 96, 97, 97.6], [10, 95.4, 96, 97, 97.4]]


def test_1_faster_and_higher():
  made = Made(figure1=[*seeds('baseline', *SLOW), *seeds('batch_norm', *QUICK)])
  # step 300 against step 100
  assert measured('1a', made).effect.value == pytest.approx(3)
  assert measured('1b', made).effect.value == pytest.approx(1.4)
  assert verdict('1b', made) == SUPPORTED
  even = Made(figure1=[*seeds('baseline', *SLOW), *seeds('batch_norm', *SLOW[::-1])])
  assert verdict('1b', even) == INCONCLUSIVE


@pytest.mark.parametrize('drift, expected', [(0.1, SUPPORTED), (0.5, CONTRADICTED)])
def test_2_steadier(drift, expected):
  runs = [*with_drift(seeds('baseline', *SLOW), 0.3),
          *with_drift(seeds('batch_norm', *QUICK), drift)]  # fmt: skip
  assert verdict('2', Made(figure1=runs)) == expected


def runaway(mean_alone=(90, 91, 92), both=(10, 11, 12), growth=2.0, b=10.0):
  """Bias norms of three seeds that grow by a factor in the second half."""
  norm = BIAS
  last = {
    'standardization_rate1.0': (94, 95, 96),
    'centring_outside_gradient_rate1.0': mean_alone,
    'standardization_outside_gradient_rate1.0': both,
  }
  runs = [
    run for name, of in last.items() for run in seeds(name, *([10, v] for v in of))
  ]
  for seed in range(3):
    bias = np.array([0, 1, 2, 1 + growth, 2 * growth]) * (1 + 0.01 * seed)
    bias[-1] *= 1 + 0.001 * seed
    (run,) = seeds('centring_outside_gradient_rate0.1', [10] * 5, **{norm: bias})
    runs.append(of_seed(run, seed))
  runs += seeds('centring_rate0.1', *[[10] * 5] * 3, **{norm: [0] * 5})
  toy = {'way': 'mean, outside the gradient', 'bias': [0, b], 'loss': [0.9, 0.9]}
  return Made(runaway_bias=runs, toy_bias={'rows': [toy]})


@pytest.mark.parametrize('growth, expected', [(2.0, SUPPORTED), (0.5, CONTRADICTED)])
def test_3a_the_bias_grows_to_the_end(growth, expected):
  made = runaway(growth=growth)
  assert verdict('3a', made) == expected
  assert measured('3a', made).effect.value == pytest.approx(growth, rel=0.01)
  assert 'In the toy b grows to 10.0' in measured('3a', made).text


@pytest.mark.parametrize(
  'mean_alone, expected',
  [((90, 91, 92), SUPPORTED), ((2, 3, 4), CONTRADICTED), ((5, 11, 17), INCONCLUSIVE)],
)
def test_3b_worse_with_the_scale(mean_alone, expected):
  assert verdict('3b', runaway(mean_alone=mean_alone)) == expected


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


@pytest.mark.parametrize('off, expected', [(1e-6, IDENTITY), (1e-3, CONTRADICTED)])
def test_5_and_6_identities(off, expected):
  rows = [{'name': 'identity', 'deviation': off}, {'name': 'folded', 'deviation': off},
          {'name': 'batch_mates', 'deviation': 1e-7}]  # fmt: skip
  made = Made(identities={'rows': rows, 'images': 5})
  assert verdict('5', made) == verdict('6', made) == expected
  assert measured('6', made).effect.value == off


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
