"""The bias that runs away (section 2): verdicts on claim 3 follow from the runs."""

import numpy as np
import pytest
from paper.claims_made import Made, measured, of_seed, seeds, verdict

from bn_repro.paper.ledger import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from bn_repro.paper.section_2_bias import BIAS


def runaway(mean_alone=(90, 91, 92), both=(10, 11, 12), growth=2.0, b=10.0):
  """Bias norms of three seeds that grow by a factor in the second half."""
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
    (run,) = seeds('centring_outside_gradient_rate0.1', [10] * 5, **{BIAS: bias})
    runs.append(of_seed(run, seed))
  runs += seeds('centring_rate0.1', *[[10] * 5] * 3, **{BIAS: [0] * 5})
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
