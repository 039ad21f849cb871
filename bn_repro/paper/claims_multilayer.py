"""Claims that section 4.1's network on MNIST can try, at the size of the paper."""

import numpy as np

from bn_repro.paper import section_3_2_placement as placement
from bn_repro.paper import section_3_3_scale as scale
from bn_repro.paper.ledger import Evidence, Finding, Measure, Missing
from bn_repro.paper.section_2_bias import BIAS
from bn_repro.report import effects, tables
from bn_repro.report.collect import Run
from bn_repro.report.seeds import by_variant, final
from bn_repro.run.percentiles import PERCENTILES


def _variants(evidence: Evidence, folder: str, name: str, *variants: str) -> list:
  """The runs of these variants of a sweep; raises `Missing` unless seeds agree."""
  runs = by_variant(evidence.runs(folder, name))
  if missing := [variant for variant in variants if not runs.get(variant)]:
    raise Missing(f'{folder}/{name}.json with {", ".join(missing)}')
  chosen = [runs[variant] for variant in variants]
  if len({tuple(run.config['seed'] for run in group) for group in chosen}) > 1:
    raise Missing(f'{folder}/{name}.json with the same seeds of each')
  return chosen


def _both(evidence: Evidence) -> list[list[Run]]:
  """Runs of figure 1 without BN and with it, seed by seed."""
  return _variants(evidence, 'mnist', 'figure1', 'baseline', 'batch_norm')


def trains_faster(evidence: Evidence) -> Finding:
  """Claim 1, first half."""
  plain, normalized = _both(evidence)
  steps = [
    tables.over(runs, lambda r: r.steps_to(0.95)) for runs in (plain, normalized)
  ]
  effect = effects.of_ratios(steps[0] / steps[1])
  return Finding(
    effect, len(plain), 'seeds',
    f'BN reaches 95 % in {effect.text()} times fewer steps',
    runs=plain + normalized,
  )  # fmt: skip


def ends_higher(evidence: Evidence) -> Finding:
  """Claim 1, second half."""
  plain, normalized = _both(evidence)
  effect = effects.of_values(100 * (final(normalized) - final(plain)))
  return Finding(
    effect, len(plain), 'seeds',
    f'{effect.text("{:+.2f}", " points")} of test accuracy after '
    '50,000 steps',
    runs=plain + normalized,
  )  # fmt: skip


def steadier(evidence: Evidence) -> Finding:
  """Claim 2."""
  plain, normalized = _both(evidence)
  relative = {p: _drift_ratio(plain, normalized, p, 'relative') for p in PERCENTILES}
  absolute = {p: _drift_ratio(plain, normalized, p, 'range') for p in PERCENTILES}
  least = min(relative.values(), key=lambda effect: effect.low)
  return Finding(
    least, len(plain), 'seeds',
    f'without BN the inputs drift more, relative to their spread: '
    f'{_by_percentile(relative)}; in absolute terms, as the figure shows it: '
    f'{_by_percentile(absolute)}',
    runs=plain + normalized,
  )  # fmt: skip


def _drift_ratio(plain: list, normalized: list, percentile: int, kind: str):
  """How far a percentile moves over training without BN, over that with it."""
  drift = lambda run: run.summary['percentile_drift'][str(percentile)][kind]
  return effects.of_ratios(tables.over(plain, drift) / tables.over(normalized, drift))


def _by_percentile(ratios: dict) -> str:
  return ', '.join(
    f'{percentile}th percentile {effect.text()} times'
    for percentile, effect in ratios.items()
  )


def bias_grows(evidence: Evidence) -> Finding:
  """Claim 3, first half."""
  toy = {row['way']: row for row in evidence.page('analysis', 'toy_bias')['rows']}
  running, still = _variants(
    evidence, 'analysis', 'runaway_bias',
    'centring_outside_gradient_rate0.1', 'centring_rate0.1',
  )  # fmt: skip
  columns = [run.curves[BIAS] for run in running]
  effect = effects.of_ratios(
    [column[-1] / column[len(column) // 2] for column in columns]
  )
  alone, norm = (
    toy['mean, outside the gradient'],
    effects.of_values(final(running, BIAS)),
  )
  return Finding(
    effect, len(running), 'seeds',
    f'the norm of the first bias grows from 0 to '
    f'{norm.text("{:.2f}")}, by a factor of {effect.text("{:.2f}")} in the second half '
    f'of training; where the gradient sees the mean, it stays below '
    f'{final(still, BIAS).max():.0e}. In the toy b grows to {alone["bias"][-1]:.1f} in '
    f'100 steps and the loss changes by '
    f'{abs(alone["loss"][-1] / alone["loss"][0] - 1):.0e} of itself',
    runs=running + still,
  )  # fmt: skip


def worse_with_the_scale(evidence: Evidence) -> Finding:
  """Claim 3, second half."""
  usual, mean_alone, both = _variants(
    evidence, 'analysis', 'runaway_bias', 'standardization_rate1.0',
    'centring_outside_gradient_rate1.0', 'standardization_outside_gradient_rate1.0',
  )  # fmt: skip
  effect = effects.of_values(100 * (final(mean_alone) - final(both)))
  lost, lost_alone = (
    effects.of_values(100 * (final(usual) - final(runs))) for runs in (both, mean_alone)
  )
  return Finding(
    effect, len(both), 'seeds',
    f'at learning rate 1 the network loses {lost.text()} points with mean and scale '
    f'outside the gradient, {lost_alone.text()} with the mean alone',
    runs=usual + mean_alone + both,
  )  # fmt: skip


def scale_invariant(evidence: Evidence) -> Finding:
  """Claim 4."""
  page = evidence.page('analysis', 'weight_scale_batch_norm')
  deviations = scale.deviations(page)
  (epsilon,) = (e for e in deviations if e)
  exact = max(deviations[0.0])
  return Finding(
    effects.exactly(exact), sum(row['epsilon'] == 0 for row in page['rows']),
    'layers and factors',
    f'with epsilon 0 the largest deviation is {exact:.0e}, for factors of 0.01 to 100; '
    f'with epsilon {epsilon:g} the output of a layer whose weights shrink to a '
    f'hundredth moves by {deviations[epsilon][0]:.1f} standard deviations',
  )  # fmt: skip


def identity(*names: str) -> Measure:
  """Claims 5, 6 and 7: rows of the page of identities."""

  def measure(evidence: Evidence) -> Finding:
    page = evidence.page('analysis', 'identities')
    rows = [row for row in page['rows'] if row['name'] in names]
    worst = max(row['deviation'] for row in rows)
    return Finding(
      effects.exactly(worst), page['images'], 'images',
      f'the largest deviation is {worst:.0e}',
    )  # fmt: skip

  return measure


def no_bias_needed(evidence: Evidence) -> Finding:
  """Claim 7: the gradient of the bias, and what training does with it."""
  gradient = identity('bias')(evidence)
  biased, usual = _variants(
    evidence, 'analysis', 'placement', 'before_with_bias', 'before'
  )
  gain = effects.of_values(100 * (final(biased) - final(usual)))
  norm = placement.norm_of_biases(biased)
  return gradient._replace(
    text=f'the gradient of the bias is {gradient.effect.value:.0e} of that of beta; '
    f'after training its norm is {norm} and accuracy differs by '
    f'{gain.text("{:+.2f}", " points")}'
  )


def less_dependent(evidence: Evidence) -> Finding:
  """Claim 27."""
  runs = evidence.runs('analysis', 'initial_scale')
  _variants(evidence, 'analysis', 'initial_scale', *by_variant(runs))
  ranges = {
    name: 100 * np.ptp([final(group) for group in groups.values()], axis=0)
    for name, groups in scale.of_network(runs).items()
  }
  lost, kept = (effects.of_values(ranges[name]) for name in ('baseline', 'batch_norm'))
  return Finding(
    effects.of_values(ranges['baseline'] - ranges['batch_norm']),
    len(ranges['baseline']), 'seeds',
    "over a factor of 0.01 to 100 on one layer's initial weights final accuracy "
    f'varies by {kept.text()} points with BN and {lost.text()} without, where the '
    'network trains worst with weights that are too small',
    runs=runs,
  )  # fmt: skip


def jacobians(evidence: Evidence) -> Finding:
  """Claim 28."""
  plain, normalized = _variants(
    evidence, 'analysis', 'optimization', 'baseline', 'batch_norm'
  )
  column = 'jacobian/layer_{}/percentile_{}'.format
  at_end = lambda runs, p: np.stack([final(runs, column(i, p)) for i in (2, 3)])
  middle, without = (
    effects.of_values(at_end(runs, 50).mean(axis=0)) for runs in (normalized, plain)
  )
  first = lambda run: np.mean([run.curves[column(i, 50)][0] for i in (2, 3)])
  before = [float(np.mean(tables.over(runs, first))) for runs in (normalized, plain)]
  effect = effects.of_values(at_end(normalized, 10).min(axis=0))
  return Finding(
    effect, len(normalized), 'seeds',
    f'after training one singular value in ten is below '
    f'{effect.text("{:.2f}")} with BN; the median over both layers '
    f'is {middle.text("{:.2f}")} with BN and {without.text("{:.2f}")} without '
    f'(before training {before[0]:.2f} and {before[1]:.2f}, by how it is measured)',
    runs=plain + normalized,
  )  # fmt: skip


MEASURES: dict[str, Measure] = {
  '1a': trains_faster, '1b': ends_higher, '2': steadier, '3a': bias_grows,
  '3b': worse_with_the_scale, '4': scale_invariant, '5': identity('identity'),
  '6': identity('batch_mates', 'folded'), '7': no_bias_needed, '27': less_dependent,
  '28': jacobians,
}  # fmt: skip
