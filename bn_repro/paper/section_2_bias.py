"""Section 2: a bias that runs away from a normalization which the gradient ignores."""

from typing import Any

from bn_repro.paper.ledger import Evidence, Finding, Measure, variants
from bn_repro.report import effects, tables
from bn_repro.report.figures import draw
from bn_repro.report.seeds import (
  Results,
  by_variant,
  estimate,
  final,
  panels,
  percent,
  save,
)

TITLE = 'Section 2: the bias that runs away (claim 3)'
SWEEPS, PAGES = ('runaway_bias',), ('toy_bias',)
NAMES = {
  'centring_outside_gradient': 'mean, outside the gradient',
  'centring': 'mean, seen by the gradient',
  'standardization_outside_gradient': 'mean and scale, outside the gradient',
  'standardization': 'mean and scale, seen by the gradient',
}
BIAS, KERNEL = (f'parameter_norms/hidden_1/{part}' for part in ('bias', 'kernel'))
TEXT = """\
The paper's example: a layer adds b and the normalization takes it away again. On the
toy of 60 numbers, 100 steps at a rate of {rate:g}:

{toy}

In section 4.1's network, every hidden layer normalized so, without gamma and beta;
norms are those of the first hidden layer after {steps:,} steps:

{table}

{figure}
"""


def section(results: Results) -> str:
  """Draws the figure and returns the text."""
  runs, toy = results.sweeps['runaway_bias'], results.pages['toy_bias']
  return TEXT.format(
    rate=toy['learning_rate'], toy=toy_table(toy),
    steps=runs[0].summary['num_steps'], table=_table(runs),
    figure=_figure(results, runs, toy),
  )  # fmt: skip


def _table(runs) -> str:
  rows = []
  for variant, group in by_variant(runs).items():
    name, _, rate = variant.partition('_rate')
    norms = (estimate(final(group, c), '{:.2f}') for c in (BIAS, KERNEL))
    rows.append((NAMES[name], rate, str(len(group)), percent(final(group)), *norms))
  head = ('statistics', 'rate', 'seeds', 'final accuracy', 'norm of the bias',
          'of the weights')  # fmt: skip
  return tables.markdown(head, rows)


def _figure(results: Results, runs, toy) -> str:
  figure, (of_toy, norm, accuracy) = panels(3)
  for i, row in enumerate(toy['rows']):
    of_toy.plot(row['bias'], color=f'C{i}', label=row['way'])
  for variant, group in by_variant(runs).items():
    name, _, rate = variant.partition('_rate')
    style = {'color': f'C{list(NAMES).index(name)}', 'label': NAMES[name]}
    if rate == '0.1':
      draw(norm, group, BIAS, **style)
    else:
      draw(accuracy, group, 'test_accuracy', **style)
  of_toy.set(title='the toy', xlabel='steps', ylabel='b', ylim=(-2, 45))
  norm.set(title='rate 0.1', xlabel='steps', ylabel='norm of the first bias')
  accuracy.set(title='rate 1', xlabel='steps', ylabel='test accuracy', ylim=(0, 1))
  of_toy.legend(fontsize=7, loc='upper left')
  return save(figure, results, 'runaway_bias', runs, toy)


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
  usual, mean_alone, both = variants(
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


CLAIMS: dict[str, Measure] = {'3a': bias_grows, '3b': worse_with_the_scale}
