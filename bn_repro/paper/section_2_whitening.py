"""Section 2: full whitening against normalizing each dimension by itself."""

import statistics
from typing import Any

import numpy as np

from bn_repro.report import pages, tables
from bn_repro.report.figures import draw
from bn_repro.report.seeds import Results, by_variant, final, panels, percent, save

TITLE = 'Section 2: whitening'
SWEEPS, PAGES = ('whitening',), ('whitening_cost',)
NAMES = {
  'baseline': 'nothing, 60 examples',
  'batch_norm': 'each dimension, 60 examples',
  'whitening': 'whitening, 60 examples',
  'batch_norm_240': 'each dimension, 240 examples',
  'whitening_240': 'whitening, 240 examples',
}


def section(results: Results) -> str:
  """Draws the figure and returns the text."""
  runs, cost = results.sweeps['whitening'], results.pages['whitening_cost']
  return pages.render(
    'section_2_whitening',
    mini_batch=cost['mini_batch'], rounds=len(times_as_long(cost['rows'][0])),
    cost=cost_table(cost), table=_table(runs),
    figure=_figure(results, runs, cost),
  )  # fmt: skip


def _table(runs) -> str:
  rows = [
    (NAMES[name], str(len(group)),
     *(tables.steps_to(group, accuracy) for accuracy in (0.9, 0.95)),
     percent(final(group, 'train_accuracy')), percent(final(group)))
    for name, group in by_variant(runs, NAMES).items()
  ]  # fmt: skip
  head = ('normalized', 'seeds', 'steps to 90 %', 'steps to 95 %',
          'on mini-batches at the end', 'test accuracy')  # fmt: skip
  return tables.markdown(head, rows)


def _figure(results: Results, runs, cost) -> str:
  figure, (left, right) = panels(2, width=4.8)
  ratios = np.asarray([times_as_long(row) for row in cost['rows']])
  middle = np.median(ratios, axis=1)
  span = (middle - ratios.min(1), ratios.max(1) - middle)
  widths = [row['width'] for row in cost['rows']]
  left.errorbar(widths, middle, span, fmt='o-', capsize=2)
  left.set(xscale='log', yscale='log', xlabel='activations of the layer')
  left.set_xticks(widths, map(str, widths))
  left.minorticks_off()
  left.set_ylabel('time of whitening / of each dimension')
  for name, group in by_variant(runs, NAMES).items():
    draw(right, group, 'test_accuracy', label=NAMES[name])
  right.set(ylim=(0.7, 1), xlabel='training steps', ylabel='test accuracy')
  right.legend(fontsize=7, loc='center right')
  return save(figure, results, 'whitening', runs, cost)


def times_as_long(row: dict[str, Any]) -> list[float]:
  """Whitening over normalization per dimension, in each round."""
  slow, fast = row['seconds']['whitening'], row['seconds']['per_dimension']
  return [a / b for a, b in zip(slow, fast)]


def cost_table(page: dict[str, Any]) -> str:
  """What whitening costs, width by width."""
  head = ('activations', f'rank, {page["mini_batch"]} examples', 'whitening takes')
  rows = [
    (str(row['width']), str(row['rank']),
     f'{statistics.median(ratios):.1f} times as long '
     f'({min(ratios):.1f} to {max(ratios):.1f})')
    for row in page['rows']
    for ratios in [times_as_long(row)]
  ]  # fmt: skip
  return tables.markdown(head, rows)
