"""Section 3.2: where to normalize, and with which parameters; and what is there."""

from typing import Any

import numpy as np

from bn_repro.paper.ledger import Evidence, Finding, Measure, variants
from bn_repro.paper.section_3_identities import identity
from bn_repro.report import effects, figures, pages, seeds, tables
from bn_repro.report.pages import Results
from bn_repro.report.tables import rounded

NETWORKS = {
  'baseline': "section 4.1's network",
  'batch_norm': 'the same with BN',
  'inception': 'Inception',
  'bn_x30': 'BN-x30',
}
DEEP = ('inception', 'bn_x30')
SHAPES = ('skewness', 'excess_kurtosis', 'near_zero', 'from_gaussian')
NAMES = {
  'before': 'g(BN(Wu)), the paper',
  'before_without_gamma_and_beta': 'g(BN(Wu)), no gamma and beta',
  'before_with_bias': 'g(BN(Wu + b))',
  'after': 'BN(g(Wu + b))',
  'after_without_gamma_and_beta': 'BN(g(Wu + b)), no gamma and beta',
  'baseline': 'g(Wu + b)',
}


def section(results: Results) -> str:
  """Draws both figures and returns the text."""
  runs = results.runs('placement')
  inputs = {name: results.page(f'nonlinearity_inputs_{name}') for name in NETWORKS}
  placements = seeds.by_variant(runs, NAMES)
  return pages.render(
    'section_3_2_placement',
    steps=runs[0].summary['num_steps'],
    table=seeds.table('hidden layer', placements, COLUMNS),
    figure=_figure(results, runs, placements), distributions=_distributions(inputs),
    of_distributions=_figure_of_distributions(results, inputs),
  )  # fmt: skip


def norm_of_biases(group) -> str:
  """Of the hidden layers at the end; '-' where they have none."""
  columns = [c for c in group[0].curves if c.endswith('/bias')]
  norms = np.sqrt(sum(seeds.final(group, column) ** 2 for column in columns))
  return (
    '-' if not columns or np.isnan(norms).any() else seeds.estimate(norms, '{:.2g}')
  )


COLUMNS = {
  'seeds': seeds.number,
  'steps to 95 %': seeds.steps_to(0.95),
  'final accuracy': seeds.final_accuracy,
  'norm of biases': norm_of_biases,
}


def _figure(results: Results, runs, placements) -> str:
  figure, (axes,) = figures.panels(1, width=6)
  for name, group in placements.items():
    figures.draw(axes, group, 'test_accuracy', label=name)
  axes.set(ylim=(0.8, 1), xlabel='training steps', ylabel='test accuracy')
  axes.legend(fontsize=8)
  return figures.save(figure, results.figures / 'placement.png', runs)


def _distributions(inputs) -> str:
  measures = {'skewness': '{:.2f}', 'excess_kurtosis': '{:.2f}', 'near_zero': '{:.0%}'}
  rows = []
  for network, name in NETWORKS.items():
    for side in ('input', 'output'):
      layers = of_side(inputs[network], side)
      rows.append((name, side, str(len(layers)), *(
        spread(layers, measure, form) for measure, form in measures.items()
      )))  # fmt: skip
  head = ('network', 'side', 'layers', 'skewness', 'excess kurtosis', 'near 0')
  return tables.markdown(head, rows)


def _figure_of_distributions(results: Results, inputs) -> str:
  """A point is a layer."""
  figure, (left, right) = figures.panels(2, width=5)
  for i, page in enumerate(inputs.values()):
    for side, marker in (('input', 'o'), ('output', 'x')):
      rows = of_side(page, side)
      at = i + np.linspace(-0.3, 0.3, len(rows))
      colour = 'C0' if side == 'input' else 'C1'
      style = {'ls': '', 'marker': marker, 'ms': 4, 'color': colour}
      label = f'{side} of the nonlinearity' if i == 0 else None
      left.plot(at, [100 * row['near_zero'] for row in rows], label=label, **style)
      right.plot(at, [row['from_gaussian'] for row in rows], **style)
  left.axhline(8, color='grey', ls=':', label='a Gaussian around 0')
  left.set_ylabel('% of values near 0')
  right.set_ylabel('distance from a Gaussian (1-Wasserstein)')
  for axes in (left, right):
    axes.set_xticks(range(len(NETWORKS)), NETWORKS.values(), fontsize=8)
  left.legend(fontsize=8)
  return figures.save(
    figure, results.figures / 'nonlinearity_inputs.png', [], *inputs.values()
  )


def of_side(page: dict[str, Any], side: str) -> list[dict[str, Any]]:
  """The rows of a page on one side of the nonlinearities, the first layers first."""
  # Those before row 3a of figure 5 have names, not numbers.
  place = lambda row: (row['layer'][0].isdigit(), row['layer'])
  return sorted((row for row in page['rows'] if row['side'] == side), key=place)


def spread(rows: list[dict[str, Any]], measure: str, form: str = '{:.2f}') -> str:
  """The median over layers, with the lowest and the highest: '0.1 (-0.2 to 3.4)'."""
  values = [row[measure] for row in rows]
  middle, low, high = map(form.format, (np.median(values), min(values), max(values)))
  return f'{middle} ({low} to {high})'


def shape_table(page: dict[str, Any]) -> str:
  """Medians over layers with the lowest and the highest, as text."""
  rows = []
  for side in ('input', 'output'):
    layers = of_side(page, side)
    rows.append((side, str(len(layers)), *(spread(layers, n) for n in SHAPES)))
  head = ('of nonlinearities', 'layers', *(n.replace('_', ' ') for n in SHAPES))
  return tables.markdown(head, rows)


def no_bias_needed(evidence: Evidence) -> Finding:
  """Claim 7: the gradient of the bias, and what training does with it."""
  gradient = identity('bias')(evidence)
  biased, usual = variants(
    evidence, 'analysis', 'placement', 'before_with_bias', 'before'
  )
  gain = effects.of_values(100 * (seeds.final(biased) - seeds.final(usual)))
  norm = norm_of_biases(biased)
  return gradient._replace(
    text=f'the gradient of the bias is {gradient.effect.value:.0e} of that of beta; '
    f'after training its norm is {norm} and accuracy differs by '
    f'{gain.text("{:+.2f}", " points")}'
  )


def not_sparse(evidence: Evidence) -> Finding:
  """Claim 29."""
  rows = {
    name: of_side(evidence.page('analysis', f'nonlinearity_inputs_{name}'), 'input')
    for name in DEEP
  }
  near = {name: [100 * row['near_zero'] for row in of] for name, of in rows.items()}
  more = max(near, key=lambda name: np.mean(near[name]))
  worst = {name: max(of, key=lambda row: row['near_zero']) for name, of in rows.items()}
  most = {name: rounded(row['near_zero'], 0) for name, row in worst.items()}
  effect = effects.of_values(near[more])
  return Finding(
    effect, len(near[more]), 'layers',
    f'{effect.text("{:.1f}", " %")} of the inputs of a layer are '
    f'within a tenth of a standard deviation of 0, of a Gaussian 8 %; the most in one '
    f'layer is {most["inception"]} without BN and {most["bn_x30"]} with it '
    f'({worst["bn_x30"]["layer"]})',
  )  # fmt: skip


CLAIMS: dict[str, Measure] = {'7': no_bias_needed, '29': not_sparse}
