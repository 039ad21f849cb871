"""Section 4.1 and after: covariate shift, Jacobians and the landscape of the loss."""

from collections.abc import Callable

import numpy as np

from bn_repro.paper.ledger import Evidence, Finding, Measure, of_seeds, variants
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
WITHOUT_NOISE = ('without BN', 'with BN')
LAYERS = (2, 3)  # those with one before them
JACOBIAN = 'jacobian/layer_{}/percentile_{}'.format
# Tags in the curves, by the heads of their columns and panels.
SHIFT = {
  f'{measure} of layer {i}': f'covariate_shift/layer_{i}/{measure}'
  for measure in ('inputs', 'gradient')
  for i in LAYERS
}
LANDSCAPE = {
  'range of the loss': 'landscape/loss_range',
  'change of the gradient': 'landscape/gradient_change',
  'effective smoothness': 'landscape/smoothness',
}


def section(results: Results, runs: list[Run]) -> str:
  """Draws the figures and returns the text."""
  networks = seeds.by_variant(runs, NAMES)
  accuracies = {
    'seeds': seeds.number,
    'steps to 90 %': seeds.steps_to(0.9),
    'steps to 95 %': seeds.steps_to(0.95),
    'final accuracy': seeds.final_accuracy,
  }
  table = lambda columns: seeds.table('network', networks, columns)
  figures_of = {
    'covariate_shift': _panels(networks, SHIFT, 'moved by one step'),
    'landscape': _panels(networks, LANDSCAPE),
    'layer_jacobians': _figure_of_jacobians(networks),
  }
  in_order = [run for group in networks.values() for run in group]
  shown = {
    name: figures.save(figure, results.folder / f'{name}.png', in_order)
    for name, figure in figures_of.items()
  }
  return pages.render(
    'section_4_1_covariate_shift',
    steps=runs[0].summary['num_steps'], accuracy=table(accuracies),
    shift=table(_averages(SHIFT)), landscape=table(_averages(LANDSCAPE)),
    jacobians=_jacobians(networks), figures=shown,
  )  # fmt: skip


def _averages(columns: dict[str, str]) -> dict[str, Callable[[list[Run]], str]]:
  """Columns of a table, by their heads: means over the evaluations of a run."""
  average = lambda column: (
    lambda runs: seeds.estimate(seeds.average(runs, column), '{:.3f}')
  )
  return {head: average(column) for head, column in columns.items()}


def _jacobians(networks) -> str:
  rows = []
  for name in WITHOUT_NOISE:
    for i in LAYERS:
      columns = [JACOBIAN(i, percentile) for percentile in (10, 50, 90)]
      first = (f'{_at_start(networks[name], column):.2f}' for column in columns)
      last = (seeds.estimate(seeds.final(networks[name], c)) for c in columns)
      rows += [(name, str(i), 'start', *first), ('', '', 'end', *last)]
  head = ('network', 'layer', '', '10th percentile', 'median', '90th')
  return tables.markdown(head, rows)


def _at_start(runs: list[Run], column: str) -> float:
  return np.mean([run.curves[column][0] for run in runs])


def _panels(networks, columns: dict[str, str], ylabel: str = ''):
  figure, axes = figures.panels(len(columns))
  axes[0].set_ylabel(ylabel)
  style = lambda name: {'color': COLOURS[name], 'lw': 1}
  for panel, (title, column) in zip(axes, columns.items()):
    figures.draw_groups(panel, networks, column, style, title=title, yscale='log')
  axes[0].legend(fontsize=7)
  return figure


def _figure_of_jacobians(networks):
  figure, axes = figures.panels(len(LAYERS), width=4.6, sharey=True)
  for panel, i in zip(axes, LAYERS):
    for name in WITHOUT_NOISE:
      for percentile in (10, 50, 90):
        style = {'ls': '-', 'label': name} if percentile == 50 else {'ls': ':'}
        column = JACOBIAN(i, percentile)
        figures.draw(panel, networks[name], column, color=COLOURS[name], **style)
    panel.axhline(1, color='grey', lw=1)
    panel.set(title=f'layer {i}', xlabel='training steps', yscale='log')
  axes[0].set_ylabel('singular values: median, 10th, 90th percentile')
  axes[0].legend(fontsize=8)
  return figure


def jacobians(evidence: Evidence) -> Finding:
  """Claim 28."""
  networks = variants(evidence, 'analysis', 'optimization', 'baseline', 'batch_norm')
  at_end = lambda runs, percentile: np.stack(
    [seeds.final(runs, JACOBIAN(i, percentile)) for i in LAYERS]
  )
  without, middle = (
    effects.of_values(at_end(runs, 50).mean(axis=0)) for runs in networks
  )
  before_without, before = (
    np.mean([_at_start(runs, JACOBIAN(i, 50)) for i in LAYERS]) for runs in networks
  )
  effect = effects.of_values(at_end(networks[1], 10).min(axis=0))
  text = (
    f'after training one singular value in ten is below '
    f'{effect.text("{:.2f}")} with BN; the median over both layers '
    f'is {middle.text("{:.2f}")} with BN and {without.text("{:.2f}")} without '
    f'(before training {before:.2f} and {before_without:.2f}, by how it is measured)'
  )
  return of_seeds(effect, text, *networks)


CLAIMS: dict[str, Measure] = {'28': jacobians}
