"""Section 2: a bias that runs away from a normalization which the gradient ignores."""

from typing import Any

from bn_repro.paper.ledger import Evidence, Finding, Measure, variants
from bn_repro.report import effects, figures, pages, seeds, tables
from bn_repro.report.pages import Results

NAMES = {
  'centring_outside_gradient': 'mean, outside the gradient',
  'centring': 'mean, seen by the gradient',
  'standardization_outside_gradient': 'mean and scale, outside the gradient',
  'standardization': 'mean and scale, seen by the gradient',
}
BIAS, KERNEL = (f'parameter_norms/hidden_1/{part}' for part in ('bias', 'kernel'))
COLUMNS = {
  'seeds': seeds.number,
  'final accuracy': seeds.final_accuracy,
  'norm of the bias': lambda runs: seeds.estimate(seeds.final(runs, BIAS)),
  'of the weights': lambda runs: seeds.estimate(seeds.final(runs, KERNEL)),
}


def section(results: Results) -> str:
  """Draws the figure and returns the text."""
  runs, toy = results.runs('runaway_bias'), results.page('toy_bias')
  groups = {
    (NAMES[name], rate): group
    for variant, group in seeds.by_variant(runs).items()
    for name, _, rate in [variant.partition('_rate')]
  }
  return pages.render(
    'section_2_bias',
    rate=toy['learning_rate'], toy=toy_table(toy), steps=runs[0].summary['num_steps'],
    table=seeds.table(('statistics', 'rate'), groups, COLUMNS),
    figure=_figure(results, runs, groups, toy),
  )  # fmt: skip


def _figure(results: Results, runs, groups, toy) -> str:
  figure, (of_toy, norm, accuracy) = figures.panels(3)
  for i, row in enumerate(toy['rows']):
    of_toy.plot(row['bias'], color=f'C{i}', label=row['way'])
  colours = {name: f'C{i}' for i, name in enumerate(NAMES.values())}
  for (name, rate), group in groups.items():
    style = {'color': colours[name], 'label': name}
    if rate == '0.1':
      figures.draw(norm, group, BIAS, **style)
    else:
      figures.draw(accuracy, group, 'test_accuracy', **style)
  of_toy.set(title='the toy', xlabel='steps', ylabel='b', ylim=(-2, 45))
  norm.set(title='rate 0.1', xlabel='steps', ylabel='norm of the first bias')
  accuracy.set(title='rate 1', xlabel='steps', ylabel='test accuracy', ylim=(0, 1))
  of_toy.legend(fontsize=7, loc='upper left')
  return figures.save(figure, results.figures / 'runaway_bias.png', runs, toy)


def toy_table(page: dict[str, Any]) -> str:
  """Where each way of the toy ends."""
  head = ('statistics', 'b at the end', 'largest scale', 'loss', 'loss at the end')
  rows = [
    (row['way'], f'{row["bias"][-1]:.3f}', f'{max(map(abs, row["scale"])):.3f}',
     f'{row["loss"][0]:.4f}', f'{row["loss"][-1]:.4f}')
    for row in page['rows']
  ]  # fmt: skip
  return tables.markdown(head, rows)


def bias_grows(evidence: Evidence) -> Finding:
  """Claim 3, first half."""
  toy = {row['way']: row for row in evidence.page('analysis', 'toy_bias')['rows']}
  running, still = variants(
    evidence, 'analysis', 'runaway_bias',
    'centring_outside_gradient_rate0.1', 'centring_rate0.1',
  )  # fmt: skip
  norms = [run.curves[BIAS] for run in running]
  growth = effects.of_ratios([norm[-1] / norm[len(norm) // 2] for norm in norms])
  norm = effects.of_values(seeds.final(running, BIAS))
  alone, largest = toy['mean, outside the gradient'], seeds.final(still, BIAS).max()
  return Finding(
    growth, len(running), 'seeds',
    f'the norm of the first bias grows from 0 to '
    f'{norm.text("{:.2f}")}, by a factor of {growth.text("{:.2f}")} in the second half '
    f'of training; where the gradient sees the mean, it stays below '
    f'{largest:.0e}. In the toy b grows to {alone["bias"][-1]:.1f} in '
    f'100 steps and the loss changes by '
    f'{abs(alone["loss"][-1] / alone["loss"][0] - 1):.0e} of itself',
    runs=running + still,
  )  # fmt: skip


def worse_with_the_scale(evidence: Evidence) -> Finding:
  """Claim 3, second half."""
  usual, mean_alone, both = variants(
    evidence, 'analysis', 'runaway_bias', 'standardization_rate1.0',
    'centring_outside_gradient_rate1.0', 'standardization_outside_gradient_rate1.0',
  )  # fmt: skip
  effect = effects.of_values(100 * (seeds.final(mean_alone) - seeds.final(both)))
  lost, lost_alone = (
    effects.of_values(100 * (seeds.final(usual) - seeds.final(runs)))
    for runs in (both, mean_alone)
  )
  return Finding(
    effect, len(both), 'seeds',
    f'at learning rate 1 the network loses {lost.text()} points with mean and scale '
    f'outside the gradient, {lost_alone.text()} with the mean alone',
    runs=usual + mean_alone + both,
  )  # fmt: skip


CLAIMS: dict[str, Measure] = {'3a': bias_grows, '3b': worse_with_the_scale}
