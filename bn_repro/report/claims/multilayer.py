"""Claims that section 4.1's network on MNIST can try, at the size of the paper."""

import numpy as np

from bn_repro.intervals import of_mean, of_ratio
from bn_repro.percentiles import PERCENTILES
from bn_repro.report import commands, tables
from bn_repro.report.analysis import placement, scale
from bn_repro.report.analysis.bias import BIAS
from bn_repro.report.analysis.seeds import by_variant, final
from bn_repro.report.claims.ledger import (
  REPRODUCED,
  SCALED,
  Claim,
  Evidence,
  Finding,
  exactly,
  needed,
)
from bn_repro.report.tables import interval

_FIGURE_1 = commands.sweep('sweeps/mnist_figure1', 'mnist/figure1')
_TRAINED = 'mnist/figure1/batch_norm_seed0'
_IDENTITIES = commands.analysis('identities', _TRAINED, 'analysis/identities')
_ROUNDING = 1e-4


def _sweep(name: str) -> str:
  return commands.sweep(f'analysis/{name}', f'analysis/{name}')


def _both(evidence: Evidence) -> list:
  """Runs of figure 1 without BN and with it, seed by seed."""
  return _variants(evidence, 'mnist', 'figure1', 'baseline', 'batch_norm')


def _variants(evidence: Evidence, folder: str, name: str, *variants: str) -> list:
  """The runs of these variants of a sweep, seed by seed."""
  found = by_variant(evidence.runs(folder, name))
  return needed(found, *variants, of=f'{folder}/{name}.json')


def faster_and_better(evidence: Evidence) -> Finding:
  """Claim 1."""
  plain, normalized = _both(evidence)
  steps = [
    tables.over(runs, lambda r: r.steps_to(0.95)) for runs in (plain, normalized)
  ]
  ratio = of_ratio(steps[0] / steps[1])
  gain = of_mean(100 * (final(normalized) - final(plain)))
  return Finding(
    ratio.low > 1 and gain.low > 0, ratio, 'times fewer steps to 95 %', len(plain),
    'seeds',
    f'{interval(ratio)} times fewer steps to 95 %; at the end '
    f'{interval(gain, "{:+.2f}")} points of test accuracy',
  )  # fmt: skip


def steadier(evidence: Evidence) -> Finding:
  """Claim 2."""
  plain, normalized = _both(evidence)
  low, median, high = (
    of_ratio(_drift(plain, percentile) / _drift(normalized, percentile))
    for percentile in PERCENTILES
  )
  return Finding(
    min(low.low, median.low, high.low) > 1, median, 'times less drift', len(plain),
    'seeds',
    f'the median input of the last sigmoids drifts {interval(median)} times less with '
    f'BN, in units of its spread; the 15th percentile {interval(low)} and the 85th '
    f'{interval(high)} times less',
  )  # fmt: skip


def _drift(runs: list, percentile: int) -> np.ndarray:
  """How far it moves over training, relative to the spread, `[seeds]`."""
  name = str(percentile)
  return tables.over(runs, lambda r: r.summary['percentile_drift'][name]['relative'])


def runaway(evidence: Evidence) -> Finding:
  """Claim 3."""
  toy = {row['way']: row for row in evidence.page('analysis', 'toy_bias')['rows']}
  outside, inside = _variants(
    evidence, 'analysis', 'runaway_bias',
    'standardization_outside_gradient_rate1.0', 'standardization_rate1.0',
  )  # fmt: skip
  running, still = _variants(
    evidence, 'analysis', 'runaway_bias',
    'centring_outside_gradient_rate0.1', 'centring_rate0.1',
  )  # fmt: skip
  lost = of_mean(100 * (final(inside) - final(outside)))
  bias = of_mean(final(running, BIAS))
  alone = toy['mean, outside the gradient']
  return Finding(
    _runs_away(alone) and _grows(running, still) and lost.low > 0, lost, 'points lost',
    len(outside), 'seeds',
    f'the toy: b from 0 to {alone["bias"][-1]:.1f} in 100 steps, the loss unchanged; '
    f'the network, its mean alone normalized: the norm of the first bias from 0 to '
    f'{interval(bias, "{:.2f}")} at rate 0.1, where it stays 0 if the gradient sees '
    f'it; the scale, too: at rate 1 it breaks down, {interval(lost)} points below the '
    'same with the gradient',
  )  # fmt: skip


def _runs_away(row) -> bool:
  """b moves by ten and the loss by no thousandth."""
  return row['bias'][-1] > 9 and abs(row['loss'][-1] / row['loss'][0] - 1) < 1e-3


def _grows(running, still) -> bool:
  """Outside the gradient to the last; seen by it, not at all."""
  columns = [run.curves[BIAS] for run in running]
  stays = final(still, BIAS).max() < _ROUNDING
  return stays and all(c[-1] > 1.2 * c[len(c) // 2] for c in columns)


def scale_invariant(evidence: Evidence) -> Finding:
  """Claim 4."""
  page = evidence.page('analysis', 'weight_scale_batch_norm')
  found = scale.deviations(page)
  exact = max(found[0.0])
  (epsilon,) = (e for e in found if e)
  return Finding(
    exact < _ROUNDING, exactly(exact), 'largest deviation',
    sum(row['epsilon'] == 0 for row in page['rows']), 'layers and factors',
    f'with epsilon 0 off by {exact:.0e} at most, for factors of 0.01 to 100; with '
    f'epsilon {epsilon:g} a layer whose weights shrink to a hundredth moves by '
    f'{found[epsilon][0]:.1f} deviations',
  )  # fmt: skip


def identity(*names: str):
  """Claims 5, 6 and 7: rows of the page of identities."""

  def measure(evidence: Evidence) -> Finding:
    page = evidence.page('analysis', 'identities')
    rows = [row for row in page['rows'] if row['name'] in names]
    worst = max(row['deviation'] for row in rows)
    return Finding(
      worst < _ROUNDING, exactly(worst), 'largest deviation', page['images'], 'images',
      f'off by {worst:.0e} at most',
    )  # fmt: skip

  return measure


def no_bias_needed(evidence: Evidence) -> Finding:
  """Claim 7: its gradient, and what training does with it."""
  found = identity('bias')(evidence)
  biased, usual = _variants(
    evidence, 'analysis', 'placement', 'before_with_bias', 'before'
  )
  gain = of_mean(100 * (final(biased) - final(usual)))
  norm = placement.norm_of_biases(biased)
  return found._replace(
    text=f'its gradient is {found.value.mean:.0e} of that of beta; trained, its norm '
    f'comes to {norm} and accuracy differs by {interval(gain, "{:+.2f}")} points'
  )


def less_dependent(evidence: Evidence) -> Finding:
  """Claim 27."""
  runs = evidence.runs('analysis', 'initial_scale')
  found = by_variant(runs)
  needed(found, *found, of='analysis/initial_scale.json')
  ranges = {
    name: 100 * np.ptp([final(group) for group in groups.values()], axis=0)
    for name, groups in scale.of_network(runs).items()
  }
  lost, kept = (of_mean(ranges[name]) for name in ('baseline', 'batch_norm'))
  narrower = of_mean(ranges['baseline'] - ranges['batch_norm'])
  return Finding(
    narrower.low > 0, narrower, 'points less', len(ranges['baseline']), 'seeds',
    "over a factor of 0.01 to 100 on one layer's initial weights final accuracy varies "
    f'by {interval(kept)} points with BN and {interval(lost)} without',
  )  # fmt: skip


def jacobians(evidence: Evidence) -> Finding:
  """Claim 28."""
  plain, normalized = _variants(
    evidence, 'analysis', 'optimization', 'baseline', 'batch_norm'
  )
  column = 'jacobian/layer_{}/percentile_{}'.format
  at_end = lambda runs, p: np.stack([final(runs, column(i, p)) for i in (2, 3)])
  low, middle, high = (at_end(normalized, p) for p in (10, 50, 90))
  without = at_end(plain, 50)
  value = of_mean(middle.mean(axis=0))
  return Finding(
    low.min() > 0.5 and high.max() < 2, value, 'median singular value',
    middle.shape[1], 'seeds',
    f'after training the median over both layers is {interval(value, "{:.2f}")} with '
    f'BN and {interval(of_mean(without.mean(axis=0)), "{:.2f}")} without, but one in '
    f'ten is below {low.mean():.2f}: closer to 1, not close',
  )  # fmt: skip


CLAIMS = (
  Claim(
    1, 'section 4.1, figure 1 (a)',
    'On MNIST the sigmoid network with BN trains faster and ends with higher test '
    'accuracy.',
    'configs/mnist.py', _FIGURE_1,
    'fewer steps to 95 % and more accuracy at the end, both beyond their intervals',
    REPRODUCED, faster_and_better,
  ),
  Claim(
    2, 'section 4.1, figure 1 (b, c)',
    'Without BN the distribution of the inputs of the last sigmoids changes over '
    'training, in mean and variance; with BN it is far more stable.',
    'configs/mnist.py', _FIGURE_1,
    'the median and both outer percentiles drift less with BN, relative to the spread, '
    'beyond their intervals',
    REPRODUCED, steadier,
  ),
  Claim(
    3, 'section 2',
    'If the gradient step does not see the normalization, a bias grows without end '
    'while the loss stays, and with the scale normalized, too, the model blows up.',
    'configs/analysis/runaway_bias.py, bn_repro/analysis/toy_bias.py',
    _sweep('runaway_bias'),
    "the toy's b grows and its loss does not move; the network's bias grows to the "
    'end, not so with the gradient; at ten times the rate accuracy breaks down',
    REPRODUCED, runaway,
  ),
  Claim(
    4, 'section 3.3',
    "With BN the scale of a layer's weights changes neither its output nor the "
    'gradient of its input, and larger weights get smaller gradients, by 1/a.',
    'bn_repro/analysis/weight_scale.py',
    commands.analysis('weight_scale', _TRAINED, 'analysis/weight_scale_batch_norm'),
    'all three hold to 1e-4 with epsilon 0', REPRODUCED, scale_invariant,
  ),
  Claim(
    5, 'section 3', 'The BN transform can represent the identity.',
    'bn_repro/analysis/identities.py', _IDENTITIES,
    'with gamma = sqrt(var + epsilon) and beta = mean it is one, to 1e-4',
    REPRODUCED, identity('identity'),
  ),
  Claim(
    6, 'section 3.1',
    'At inference BN is a fixed affine map, and the output of the network '
    'depends on its input alone.',
    'bn_repro/analysis/identities.py', _IDENTITIES,
    'alone or among others, and folded into the layer before, logits agree to 1e-4',
    REPRODUCED, identity('batch_mates', 'folded'),
  ),
  Claim(
    7, 'section 3.2', 'A bias before BN is redundant; beta takes its role.',
    'bn_repro/analysis/identities.py, configs/analysis/placement.py',
    _IDENTITIES,
    'its gradient is 0 to 1e-4 of that of beta', REPRODUCED, no_bias_needed,
  ),
  Claim(
    27, 'abstract, section 3.3',
    'BN reduces the dependence of training on the scale of initial weights.',
    'configs/analysis/initial_scale.py', _sweep('initial_scale'),
    'final accuracy varies less over initial scales with BN, beyond its interval',
    SCALED, less_dependent,
  ),
  Claim(
    28, 'section 3.3', 'BN may lead layer Jacobians to have singular values close to 1 '
    '(conjectured).',
    'configs/analysis/optimization.py', _sweep('optimization'),
    'the 10th and the 90th percentile lie within a factor of two of 1 in every layer',
    SCALED, jacobians,
  ),
)  # fmt: skip
