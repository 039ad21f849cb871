"""Section 2: full whitening against normalizing each dimension by itself."""

import statistics
from typing import Any

import numpy as np

from bn_repro.report import figures, pages, seeds, tables
from bn_repro.report.pages import Results

NAMES = {
  'baseline': 'nothing, 60 examples',
  'batch_norm': 'each dimension, 60 examples',
  'whitening': 'whitening, 60 examples',
  'batch_norm_240': 'each dimension, 240 examples',
  'whitening_240': 'whitening, 240 examples',
}
COLUMNS = {
  'seeds': seeds.number,
  'steps to 90 %': seeds.steps_to(0.9),
  'steps to 95 %': seeds.steps_to(0.95),
  'on mini-batches at the end':
    lambda runs: seeds.percent(seeds.final(runs, 'train_accuracy')),
  'test accuracy': seeds.final_accuracy,
}  # fmt: skip


def section(results: Results) -> str:
  """Draws the figure and returns the text."""
  runs, cost = results.runs('whitening'), results.page('whitening_cost')
  variants = seeds.by_variant(runs, NAMES)
  return pages.render(
    'section_2_whitening',
    mini_batch=cost['mini_batch'], rounds=len(times_as_long(cost['rows'][0])),
    cost=cost_table(cost), table=seeds.table('normalized', variants, COLUMNS),
    figure=_figure(results, runs, variants, cost),
  )  # fmt: skip


def _figure(results: Results, runs, variants, cost) -> str:
  figure, (left, right) = figures.panels(2, width=4.8)
  ratios = np.asarray([times_as_long(row) for row in cost['rows']])
  middle = np.median(ratios, axis=1)
  span = (middle - ratios.min(1), ratios.max(1) - middle)
  widths = [row['width'] for row in cost['rows']]
  left.errorbar(widths, middle, span, fmt='o-', capsize=2)
  left.set(xscale='log', yscale='log', xlabel='activations of the layer')
  left.set_xticks(widths, map(str, widths))
  left.minorticks_off()
  left.set_ylabel('time of whitening / of each dimension')
  for name, group in variants.items():
    figures.draw(right, group, 'test_accuracy', label=name)
  right.set(ylim=(0.7, 1), xlabel='training steps', ylabel='test accuracy')
  right.legend(fontsize=7, loc='center right')
  return figures.save(figure, results.figures / 'whitening.png', runs, cost)


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
