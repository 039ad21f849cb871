"""Section 3.2: where to normalize, with which parameters, and distributions there."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from bn_repro.paper.ledger import Evidence, Finding, Measure, variants
from bn_repro.paper.section_3_identities import identity
from bn_repro.report import effects, figures, pages, seeds, tables
from bn_repro.report.collect import Run
from bn_repro.report.pages import Results
from bn_repro.report.tables import rounded

NETWORKS = {
  'baseline': "section 4.1's network",
  'batch_norm': 'the same with BN',
  'inception': 'Inception',
  'bn_x30': 'BN-x30',
}
# Of figure 5, above row 3a and then in a row, by its columns.
LAYERS = (
  'convolution_1', 'convolution_2_reduce', 'convolution_2',
  'conv_1x1', 'reduce_3x3', 'conv_3x3', 'reduce_double_3x3', 'double_3x3_1',
  'double_3x3_2', 'projection',
)  # fmt: skip
# What is shown of a distribution, and how.
SHAPES = {'skewness': '{:.2f}', 'excess_kurtosis': '{:.2f}', 'near_zero': '{:.0%}'}
NAMES = {
  'before': 'g(BN(Wu)), the paper',
  'before_without_gamma_and_beta': 'g(BN(Wu)), no gamma and beta',
  'before_with_bias': 'g(BN(Wu + b))',
  'after': 'BN(g(Wu + b))',
  'after_without_gamma_and_beta': 'BN(g(Wu + b)), no gamma and beta',
  'baseline': 'g(Wu + b)',
}


def section(results: Results, runs: list[Run]) -> str:
  """Draws both figures and returns the text."""
  inputs = {name: results.page(f'nonlinearity_inputs_{name}') for name in NETWORKS}
  placements = seeds.by_variant(runs, NAMES)
  columns = {
    'seeds': seeds.number,
    'steps to 95 %': seeds.steps_to(0.95),
    'final accuracy': seeds.final_accuracy,
    'norm of biases': norm_of_biases,
  }
  figure, (axes,) = figures.panels(1, width=6)
  figures.draw_groups(axes, placements, ylim=(0.8, 1), ylabel='test accuracy')
  axes.legend(fontsize=8)
  rows = [
    (name, *cells)
    for network, name in NETWORKS.items()
    for cells in _of_both_sides(inputs[network], SHAPES)
  ]
  head = ('network', 'side', 'layers', 'skewness', 'excess kurtosis', 'near 0')
  return pages.render(
    'section_3_2_placement',
    steps=runs[0].summary['num_steps'],
    table=seeds.table('hidden layer', placements, columns),
    figure=figures.save(figure, results.folder / 'placement.png', runs),
    distributions=tables.markdown(head, rows),
    of_distributions=_figure_of_distributions(results, inputs),
  )


def norm_of_biases(group: list[Run]) -> str:
  """Of the hidden layers at the end; '-' where they have none."""
  columns = [c for c in group[0].curves if c.endswith('/bias')]
  norms = np.sqrt(sum(seeds.final(group, column) ** 2 for column in columns))
  return (
    '-' if not columns or np.isnan(norms).any() else seeds.estimate(norms, '{:.2g}')
  )


def _figure_of_distributions(results: Results, inputs) -> str:
  """A point is a layer."""
  figure, (left, right) = figures.panels(2, width=5)
  for i, page in enumerate(inputs.values()):
    for side, marker, color in (('input', 'o', 'C0'), ('output', 'x', 'C1')):
      rows = of_side(page, side)
      at = i + np.linspace(-0.3, 0.3, len(rows))
      style = {'ls': '', 'marker': marker, 'ms': 4, 'color': color}
      label = f'{side} of the nonlinearity' if i == 0 else None
      left.plot(at, [100 * row['near_zero'] for row in rows], label=label, **style)
      right.plot(at, [row['from_gaussian'] for row in rows], **style)
  left.axhline(8, color='grey', ls=':', label='a Gaussian around 0')
  left.set_ylabel('% of values near 0')
  right.set_ylabel('distance from a Gaussian (1-Wasserstein)')
  for axes in (left, right):
    axes.set_xticks(range(len(NETWORKS)), NETWORKS.values(), fontsize=8)
  left.legend(fontsize=8)
  path = results.folder / 'nonlinearity_inputs.png'
  return figures.save(figure, path, [], *inputs.values(), remark='one run each')


def of_side(page: dict[str, Any], side: str) -> list[dict[str, Any]]:
  """The rows of a page on one side of the nonlinearities, the first layers first."""
  rows = (row for row in page['rows'] if row['side'] == side)
  return sorted(rows, key=lambda row: _place(row['layer']))


def _place(layer: str) -> tuple:
  """A key that sorts layers as the network has them; files have them as text."""
  module, _, name = layer.rpartition('/')
  # Layers that figure 5 does not have end in a number: the shorter ones come first.
  return module, LAYERS.index(name) if name in LAYERS else -1, len(name), name


def _of_both_sides(
  page: dict[str, Any], measures: dict[str, str]
) -> Iterator[list[str]]:
  """Rows of a table: medians over layers with the lowest and the highest."""
  for side in ('input', 'output'):
    layers, cells = of_side(page, side), []
    for measure, form in measures.items():
      values = [row[measure] for row in layers]
      three = (np.median(values), min(values), max(values))
      cells.append(tables.interval(three, form))
    yield [side, str(len(layers)), *cells]


def shape_table(page: dict[str, Any]) -> str:
  """All measures of the distributions in one network."""
  measures = dict.fromkeys((*SHAPES, 'from_gaussian'), '{:.2f}')
  head = ('of nonlinearities', 'layers', *(name.replace('_', ' ') for name in measures))
  return tables.markdown(head, _of_both_sides(page, measures))


def no_bias_needed(evidence: Evidence) -> Finding:
  """Claim 7: the gradient of the bias, and what training does with it."""
  gradient = identity('bias')(evidence)
  biased, usual = variants(
    evidence, 'analysis', 'placement', 'before_with_bias', 'before'
  )
  return gradient._replace(
    text=f'the gradient of the bias is {gradient.effect.value:.0e} of that of beta; '
    f'after training its norm is {norm_of_biases(biased)} and accuracy differs by '
    f'{seeds.gain(biased, usual).text("{:+.2f}", " points")}'
  )


def not_sparse(evidence: Evidence) -> Finding:
  """Claim 29."""
  plain, normalized = (
    of_side(evidence.page('analysis', f'nonlinearity_inputs_{name}'), 'input')
    for name in ('inception', 'bn_x30')
  )
  shares = ([100 * row['near_zero'] for row in rows] for rows in (plain, normalized))
  more = max(shares, key=np.mean)
  worst, worst_normalized = (
    max(rows, key=lambda row: row['near_zero']) for rows in (plain, normalized)
  )
  effect = effects.of_values(more)
  return Finding(
    effect, len(more), 'layers',
    f'{effect.text("{:.1f}", " %")} of the inputs of a layer are '
    f'within a tenth of a standard deviation of 0, of a Gaussian 8 %; the most in one '
    f'layer is {rounded(worst["near_zero"], 0)} without BN and '
    f'{rounded(worst_normalized["near_zero"], 0)} with it '
    f'({worst_normalized["layer"]})',
  )  # fmt: skip


CLAIMS: dict[str, Measure] = {'7': no_bias_needed, '29': not_sparse}
