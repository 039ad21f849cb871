"""Section 2: full whitening against normalizing each dimension by itself."""

from typing import Any

import numpy as np

from bn_repro.report import figures, pages, seeds, tables
from bn_repro.report.collect import Run
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


def section(results: Results, runs: list[Run]) -> str:
  """Draws the figure and returns the text."""
  cost, variants = results.page('whitening_cost'), seeds.by_variant(runs, NAMES)
  return pages.render(
    'section_2_whitening',
    mini_batch=cost['mini_batch'], rounds=len(cost['rows'][0]['seconds']['whitening']),
    cost=cost_table(cost), table=seeds.table('normalized', variants, COLUMNS),
    figure=_figure(results, runs, variants, cost),
  )  # fmt: skip


def _figure(results: Results, runs, variants, cost) -> str:
  figure, (left, right) = figures.panels(2, width=4.8)
  widths = [row['width'] for row in cost['rows']]
  figures.draw_intervals(left, widths, map(_median_and_range, cost['rows']))
  left.set(xscale='log', yscale='log', xlabel='activations of the layer')
  left.set_xticks(widths, map(str, widths))
  left.minorticks_off()
  left.set_ylabel('time of whitening / of normalization')
  figures.draw_groups(right, variants, ylim=(0.7, 1), ylabel='test accuracy')
  right.legend(fontsize=7, loc='center right')
  return figures.save(figure, results.folder / 'whitening.png', runs, cost)


def times_as_long(row: dict[str, Any]) -> np.ndarray:
  """Whitening over normalization per dimension, `[rounds]`."""
  return np.divide(row['seconds']['whitening'], row['seconds']['per_dimension'])


def _median_and_range(row: dict[str, Any]) -> tuple[float, float, float]:
  ratios = times_as_long(row)
  return np.median(ratios), ratios.min(), ratios.max()


def cost_table(page: dict[str, Any]) -> str:
  """What whitening costs, width by width."""
  head = ('activations', f'rank, {page["mini_batch"]} examples', 'whitening takes')
  rows = [
    (str(row['width']), str(row['rank']),
     tables.interval(_median_and_range(row), '{:.1f}', ' times as long'))
    for row in page['rows']
  ]  # fmt: skip
  return tables.markdown(head, rows)
