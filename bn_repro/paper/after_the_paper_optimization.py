"""Section 4.1 and after: covariate shift, Jacobians and the landscape of the loss."""

import numpy as np

from bn_repro.paper.ledger import Evidence, Finding, Measure, variants
from bn_repro.report import effects, tables
from bn_repro.report.figures import draw
from bn_repro.report.seeds import (
  Results,
  average,
  by_variant,
  estimate,
  final,
  panels,
  percent,
  save,
)

TITLE = 'Section 4.1 and after: is it covariate shift? (claims 2 and 28)'
SWEEPS, PAGES = ('optimization',), ()
NAMES = {
  'baseline': 'without BN',
  'batch_norm': 'with BN',
  'baseline_noisy': 'without BN, noisy',
  'batch_norm_noisy': 'with BN, noisy',
}
COLOURS = dict(zip(NAMES, ('tab:orange', 'tab:blue', 'tab:red', 'tab:cyan')))
LAYERS = (2, 3)
TEXT = """\
Both networks of section 4.1; and both with Santurkar et al.'s noise at the inputs of
all sigmoids, another mean and scale for every unit at every step, which is covariate
shift put back. {steps:,} steps:

{accuracy}

**Covariate shift, two ways.** How far one step moves the distribution of a unit's
inputs on its mini-batch (1-Wasserstein, in standard deviations), and how far the
gradient of a layer moves when the layers before it take their step (relative to its
norm; Santurkar et al., definition 2.1). Means over the evaluations of a run:

{shift}

{figure_of_shift}

**Landscape** (Santurkar et al., figure 4): over a half to four times the step, the
range of the loss, the farthest that the gradient moves relative to its norm, and the
most that it moves for the way taken ("effective smoothness"):

{landscape}

{figure_of_landscape}

**Layer Jacobians** (section 3.3: singular values close to 1?), each end in its standard
deviations; percentiles over directions and images, at the start and after training:

{jacobians}

{figure_of_jacobians}
"""


def section(results: Results) -> str:
  """Draws the figures and returns the text."""
  runs = results.sweeps['optimization']
  variants = by_variant(runs, NAMES)
  return TEXT.format(
    steps=runs[0].summary['num_steps'], accuracy=_accuracy(variants),
    shift=_shift(variants), figure_of_shift=_figure_of_shift(results, variants),
    landscape=_landscape(variants),
    figure_of_landscape=_figure_of_landscape(results, variants),
    jacobians=_jacobians(variants),
    figure_of_jacobians=_figure_of_jacobians(results, variants),
  )  # fmt: skip


def _accuracy(variants) -> str:
  rows = [
    (NAMES[name], str(len(group)),
     *(tables.steps_to(group, accuracy) for accuracy in (0.9, 0.95)),
     percent(final(group)))
    for name, group in variants.items()
  ]  # fmt: skip
  head = ('network', 'seeds', 'steps to 90 %', 'steps to 95 %', 'final accuracy')
  return tables.markdown(head, rows)


def _averages(variants, columns, form: str) -> list[tuple[str, ...]]:
  """A row for each variant: means over its evaluations."""
  return [
    (NAMES[name], *(estimate(average(group, column), form) for column in columns))
    for name, group in variants.items()
  ]


def shift_columns(measure: str) -> list[str]:
  """Of the layers that have one before them."""
  return [f'covariate_shift/layer_{i}/{measure}' for i in LAYERS]


def _shift(variants) -> str:
  columns = [*shift_columns('inputs'), *shift_columns('gradient')]
  head = ('network', *(f'inputs, layer {i}' for i in LAYERS),
          *(f'gradient, layer {i}' for i in LAYERS))  # fmt: skip
  return tables.markdown(head, _averages(variants, columns, '{:.3f}'))


def _landscape(variants) -> str:
  measures = ('loss_range', 'gradient_change', 'smoothness')
  rows = _averages(variants, [f'landscape/{m}' for m in measures], '{:.3f}')
  return tables.markdown(('network', *(m.replace('_', ' ') for m in measures)), rows)


def _jacobians(variants) -> str:
  rows = []
  for name in ('baseline', 'batch_norm'):
    for i in LAYERS:
      columns = [f'jacobian/layer_{i}/percentile_{p}' for p in (10, 50, 90)]
      first = (f'{np.mean([r.curves[c][0] for r in variants[name]]):.2f}'
               for c in columns)  # fmt: skip
      last = (estimate(final(variants[name], c)) for c in columns)
      rows += [(NAMES[name], str(i), 'start', *first), ('', '', 'end', *last)]
  head = ('network', 'layer', '', '10th percentile', 'median', '90th')
  return tables.markdown(head, rows)


def _panels_of(variants, columns: dict[str, str], **style):
  """A panel for each column, with every variant."""
  figure, axes = panels(len(columns), **style)
  for panel, (column, title) in zip(axes, columns.items()):
    for name, group in variants.items():
      draw(panel, group, column, color=COLOURS[name], label=NAMES[name], lw=1)
    panel.set(title=title, xlabel='training steps', yscale='log')
  axes[0].legend(fontsize=7)
  return figure


def _all(variants) -> list:
  return [run for group in variants.values() for run in group]


def _figure_of_shift(results: Results, variants) -> str:
  columns = {'covariate_shift/layer_3/inputs': 'inputs of layer 3 move by'}
  columns |= {c: f'gradient of layer {i} moves by'
              for i, c in zip(LAYERS, shift_columns('gradient'))}  # fmt: skip
  figure = _panels_of(variants, columns)
  return save(figure, results, 'covariate_shift', _all(variants))


def _figure_of_landscape(results: Results, variants) -> str:
  columns = {
    'landscape/loss_range': 'range of the loss',
    'landscape/gradient_change': 'change of the gradient',
    'landscape/smoothness': 'change for the way taken',
  }
  figure = _panels_of(variants, columns)
  return save(figure, results, 'landscape', _all(variants))


def _figure_of_jacobians(results: Results, variants) -> str:
  figure, axes = panels(len(LAYERS), width=4.6, sharey=True)
  for panel, i in zip(axes, LAYERS):
    for name in ('baseline', 'batch_norm'):
      for percentile in (10, 50, 90):
        is_middle = percentile == 50
        draw(
          panel, variants[name], f'jacobian/layer_{i}/percentile_{percentile}',
          color=COLOURS[name], ls='-' if is_middle else ':',
          label=NAMES[name] if is_middle else None,
        )  # fmt: skip
    panel.axhline(1, color='grey', lw=1)
    panel.set(title=f'layer {i}', xlabel='training steps', yscale='log')
  axes[0].set_ylabel('singular values: median, 10 %, 90 %')
  axes[0].legend(fontsize=8)
  return save(figure, results, 'layer_jacobians', _all(variants))


def jacobians(evidence: Evidence) -> Finding:
  """Claim 28."""
  plain, normalized = variants(
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


CLAIMS: dict[str, Measure] = {'28': jacobians}
