"""Section 4.1 and after: covariate shift, Jacobians and the landscape of the loss."""

from collections.abc import Callable

import numpy as np

from bn_repro.paper.ledger import Evidence, Finding, Measure, variants
from bn_repro.report import effects, figures, pages, seeds, tables
from bn_repro.report.collect import Run
from bn_repro.report.pages import Results

NAMES = {
  'baseline': 'without BN',
  'batch_norm': 'with BN',
  'baseline_noisy': 'without BN, noisy',
  'batch_norm_noisy': 'with BN, noisy',
}
COLOURS = dict(zip(NAMES.values(), ('tab:orange', 'tab:blue', 'tab:red', 'tab:cyan')))
LAYERS = (2, 3)  # those with one before them
# Tags in the curves, by the heads of their columns.
SHIFT = {
  f'{measure}, layer {i}': f'covariate_shift/layer_{i}/{measure}'
  for measure in ('inputs', 'gradient')
  for i in LAYERS
}
LANDSCAPE = {
  measure.replace('_', ' '): f'landscape/{measure}'
  for measure in ('loss_range', 'gradient_change', 'smoothness')
}
WITHOUT, WITH = NAMES['baseline'], NAMES['batch_norm']
COLUMNS = {
  'seeds': seeds.number,
  'steps to 90 %': seeds.steps_to(0.9),
  'steps to 95 %': seeds.steps_to(0.95),
  'final accuracy': seeds.final_accuracy,
}


def section(results: Results) -> str:
  """Draws the figures and returns the text."""
  runs = results.runs('optimization')
  networks = seeds.by_variant(runs, NAMES)
  return pages.render(
    'section_4_1_covariate_shift',
    steps=runs[0].summary['num_steps'],
    accuracy=seeds.table('network', networks, COLUMNS),
    shift=seeds.table('network', networks, _averages(SHIFT)),
    figure_of_shift=_figure_of_shift(results, networks),
    landscape=seeds.table('network', networks, _averages(LANDSCAPE)),
    figure_of_landscape=_figure_of_landscape(results, networks),
    jacobians=_jacobians(networks),
    figure_of_jacobians=_figure_of_jacobians(results, networks),
  )


def _averages(columns: dict[str, str]) -> dict[str, Callable[[list[Run]], str]]:
  """Columns of a table, by their heads: means over the evaluations of a run."""
  average = lambda column: (
    lambda runs: seeds.estimate(seeds.average(runs, column), '{:.3f}')
  )
  return {head: average(column) for head, column in columns.items()}


def _jacobians(networks) -> str:
  rows = []
  for name in (WITHOUT, WITH):
    for i in LAYERS:
      columns = [f'jacobian/layer_{i}/percentile_{p}' for p in (10, 50, 90)]
      first = (f'{np.mean([r.curves[c][0] for r in networks[name]]):.2f}'
               for c in columns)  # fmt: skip
      last = (seeds.estimate(seeds.final(networks[name], c)) for c in columns)
      rows += [(name, str(i), 'start', *first), ('', '', 'end', *last)]
  head = ('network', 'layer', '', '10th percentile', 'median', '90th')
  return tables.markdown(head, rows)


def _panels_of(networks, columns: dict[str, str], **style):
  """A panel for each column, with every network."""
  figure, axes = figures.panels(len(columns), **style)
  for panel, (column, title) in zip(axes, columns.items()):
    for name, group in networks.items():
      figures.draw(panel, group, column, color=COLOURS[name], label=name, lw=1)
    panel.set(title=title, xlabel='training steps', yscale='log')
  axes[0].legend(fontsize=7)
  return figure


def _all(networks) -> list:
  return [run for group in networks.values() for run in group]


def _figure_of_shift(results: Results, networks) -> str:
  columns = {'covariate_shift/layer_3/inputs': 'inputs of layer 3 move by'}
  columns |= {
    SHIFT[f'gradient, layer {i}']: f'gradient of layer {i} moves by' for i in LAYERS
  }
  figure = _panels_of(networks, columns)
  return figures.save(figure, results.figures / 'covariate_shift.png', _all(networks))


def _figure_of_landscape(results: Results, networks) -> str:
  columns = {
    'landscape/loss_range': 'range of the loss',
    'landscape/gradient_change': 'change of the gradient',
    'landscape/smoothness': 'change for the way taken',
  }
  figure = _panels_of(networks, columns)
  return figures.save(figure, results.figures / 'landscape.png', _all(networks))


def _figure_of_jacobians(results: Results, networks) -> str:
  figure, axes = figures.panels(len(LAYERS), width=4.6, sharey=True)
  for panel, i in zip(axes, LAYERS):
    for name in (WITHOUT, WITH):
      for percentile in (10, 50, 90):
        is_middle = percentile == 50
        figures.draw(
          panel, networks[name], f'jacobian/layer_{i}/percentile_{percentile}',
          color=COLOURS[name], ls='-' if is_middle else ':',
          label=name if is_middle else None,
        )  # fmt: skip
    panel.axhline(1, color='grey', lw=1)
    panel.set(title=f'layer {i}', xlabel='training steps', yscale='log')
  axes[0].set_ylabel('singular values: median, 10 %, 90 %')
  axes[0].legend(fontsize=8)
  return figures.save(figure, results.figures / 'layer_jacobians.png', _all(networks))


def jacobians(evidence: Evidence) -> Finding:
  """Claim 28."""
  plain, normalized = variants(
    evidence, 'analysis', 'optimization', 'baseline', 'batch_norm'
  )
  column = 'jacobian/layer_{}/percentile_{}'.format
  at_end = lambda runs, p: np.stack([seeds.final(runs, column(i, p)) for i in (2, 3)])
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


CLAIMS: dict[str, Measure] = {'28': jacobians}
