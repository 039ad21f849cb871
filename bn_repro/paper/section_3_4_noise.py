"""Section 3.4: the noise of batch-mates, and what it regularizes."""

from typing import Any

import numpy as np

from bn_repro.report import tables
from bn_repro.report.seeds import (
  Results,
  by_variant,
  estimate,
  final,
  gaps,
  panels,
  percent,
  save,
)

TITLE = 'Section 3.4: the noise of batch-mates (claim 17)'
SWEEPS, PAGES = ('regularization',), ('batch_noise',)
NAMES = {
  'groups_of_4': 'BN over 4',
  'groups_of_12': 'BN over 12',
  'groups_of_60': 'BN over 60',
  'dropout': 'BN over 60, dropout 20 %',
  'baseline': 'no BN',
  'baseline_dropout': 'no BN, dropout 20 %',
}
TRAINING = 'train_accuracy_undistorted'
TEXT = """\
One trained network; {images} test images, each in {draws} mini-batches with other
training images. Standard deviation over these of the inputs of the last sigmoids (in
their deviations over images) and of the probability of the right class; and how many
images are not answered alike in all:

{noise}

What it does to training: mini-batches of 60, normalized in groups, after {steps:,}
steps. The gap is accuracy on 10,000 training images less that on the test images:

{table}

{figure}
"""


def section(results: Results) -> str:
  """Draws the figure and returns the text."""
  runs, page = results.sweeps['regularization'], results.pages['batch_noise']
  return TEXT.format(
    images=page['images'], draws=page['draws'], noise=noise_table(page),
    steps=runs[0].summary['num_steps'], table=_table(runs),
    figure=_figure(results, runs, page),
  )  # fmt: skip


def _table(runs) -> str:
  rows = [
    (NAMES[name], str(len(group)), percent(final(group, TRAINING)),
     percent(final(group)), estimate(gaps(group), scale=100))
    for name, group in by_variant(runs, NAMES).items()
  ]  # fmt: skip
  head = ('network', 'seeds', 'training images', 'test images', 'gap, points')
  return tables.markdown(head, rows)


def _figure(results: Results, runs, page) -> str:
  figure, (left, right) = panels(2, width=5)
  sizes = np.asarray([row['size'] for row in page['rows']])
  for measure in ('deviation_of_inputs', 'deviation_of_probability'):
    values = [row[measure] for row in page['rows']]
    left.plot(sizes, values, 'o-', label=measure.replace('_', ' '))
  first = page['rows'][-1]['deviation_of_inputs'] * np.sqrt(sizes[-1])
  left.plot(sizes, first / np.sqrt(sizes), ':', color='grey', label='1 / root of m')
  left.set(xscale='log', yscale='log', xlabel='mini-batch, m', ylabel='noise')
  left.legend(fontsize=8)
  variants = by_variant(runs, NAMES)
  for i, group in enumerate(variants.values()):
    points = 100 * gaps(group)
    right.barh(i, points.mean(), color='C0', alpha=0.5)
    right.plot(points, np.full(len(points), i), 'o', color='C0', ms=4)
  right.set_yticks(range(len(variants)), [NAMES[name] for name in variants])
  right.set(xlabel='training less test accuracy, points')
  right.invert_yaxis()
  return save(figure, results, 'batch_noise', runs, page)


def noise_table(page: dict[str, Any]) -> str:
  """How far mini-batches of each size move an answer."""
  head = ('mini-batch', 'inputs of sigmoids', 'probability', 'other answers')
  rows = [
    (str(row['size']), f'{row["deviation_of_inputs"]:.3f}',
     f'{row["deviation_of_probability"]:.3f}', f'{row["share_that_changes"]:.0%}')
    for row in page['rows']
  ]  # fmt: skip
  return tables.markdown(head, rows)
