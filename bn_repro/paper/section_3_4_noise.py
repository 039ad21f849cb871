"""Section 3.4: the noise of mini-batches, and whether it regularizes."""

from typing import Any

import numpy as np

from bn_repro.report import figures, pages, seeds, tables
from bn_repro.report.collect import Run
from bn_repro.report.pages import Results

NAMES = {
  'groups_of_4': 'BN over 4',
  'groups_of_12': 'BN over 12',
  'groups_of_60': 'BN over 60',
  'dropout': 'BN over 60, dropout 20 %',
  'baseline': 'no BN',
  'baseline_dropout': 'no BN, dropout 20 %',
}
COLUMNS = {
  'seeds': seeds.number,
  'training images':
    lambda runs: seeds.percent(seeds.final(runs, 'train_accuracy_undistorted')),
  'test images': seeds.final_accuracy,
  'gap, points': seeds.final_gap,
}  # fmt: skip


def section(results: Results, runs: list[Run]) -> str:
  """Draws the figure and returns the text."""
  page, variants = results.page('batch_noise'), seeds.by_variant(runs, NAMES)
  return pages.render(
    'section_3_4_noise',
    images=page['images'], draws=page['draws'], noise=noise_table(page),
    steps=runs[0].summary['num_steps'],
    table=seeds.table('network', variants, COLUMNS),
    figure=_figure(results, runs, variants, page),
  )  # fmt: skip


def _figure(results: Results, runs, variants, page) -> str:
  figure, (left, right) = figures.panels(2, width=5)
  sizes = np.asarray([row['size'] for row in page['rows']])
  for measure, label in (
    ('deviation_of_inputs', 'inputs of sigmoids'),
    ('deviation_of_probability', 'probability'),
  ):
    left.plot(sizes, [row[measure] for row in page['rows']], 'o-', label=label)
  last = page['rows'][-1]['deviation_of_inputs']
  root = last * np.sqrt(sizes[-1]) / np.sqrt(sizes)
  left.plot(sizes, root, ':', color='grey', label='1 / root of m')
  left.set(xscale='log', yscale='log', xlabel='size of the mini-batch, m')
  left.set_ylabel('standard deviation over batch-mates')
  left.legend(fontsize=8)
  for i, group in enumerate(variants.values()):
    points = 100 * seeds.gaps(group)
    right.barh(i, points.mean(), color='C0', alpha=0.5)
    right.plot(points, np.full(len(points), i), 'o', color='C0', ms=4)
  right.set_yticks(range(len(variants)), variants)
  right.set(xlabel='training less test accuracy, points')
  right.invert_yaxis()
  return figures.save(figure, results.folder / 'batch_noise.png', runs, page)


def noise_table(page: dict[str, Any]) -> str:
  """How far mini-batches of each size move a prediction."""
  head = ('mini-batch', 'inputs of sigmoids', 'probability', 'changed predictions')
  rows = [
    (str(row['size']), f'{row["deviation_of_inputs"]:.3f}',
     f'{row["deviation_of_probability"]:.3f}', f'{row["share_that_changes"]:.0%}')
    for row in page['rows']
  ]  # fmt: skip
  return tables.markdown(head, rows)
