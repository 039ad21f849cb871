"""Section 4.2.1: does the learning rate of BN-x5 decay too soon here? (claim 10)"""

from pathlib import Path

import matplotlib.pyplot as plt

from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper.section_4_2_comparison import HIGH_TARGET, TARGET
from bn_repro.paper.section_4_2_figure_3 import speed_up
from bn_repro.paper.section_4_2_networks import (
  COLOURS,
  NAMES,
  PLAIN,
  SLOW_DECAY,
  title,
)
from bn_repro.report import pages, tables
from bn_repro.report.collect import Run
from bn_repro.report.figures import draw, save
from bn_repro.report.tables import rounded


def section(networks: dict[str, list[Run]], results: Path) -> str:
  """Draws the figure and returns the text; '' unless both decays were run.

  Args:
    networks: of figure 3, and BN-x5 with the slow decay.
    results: the folder of the figure.
  """
  if not {'bn_x5', SLOW_DECAY} <= networks.keys():
    return ''
  _figure(networks, results / 'decay.png')
  step = comparison.common_step(networks['bn_x5'], networks[SLOW_DECAY])
  more = comparison.accuracy_difference(networks, SLOW_DECAY, 'bn_x5', step)
  return pages.render(
    'section_4_2_decay', table=_table(networks, step), step=step,
    difference=more.text('{:+.1f}', ' points'),
  )  # fmt: skip


def _table(networks, step: float) -> str:
  head = ('network', 'learning rate falls by 4 % every', 'seeds',
          f'speed-up to {rounded(TARGET, 0)}', f'to {rounded(HIGH_TARGET, 0)}',
          f'accuracy after {step:,.0f} steps')  # fmt: skip
  rows = [_row(networks, name, step) for name in ('bn_x5', SLOW_DECAY)]
  return tables.markdown(head, rows)


def _row(networks, name: str, step: float) -> list[str]:
  runs = networks[name]
  accuracy = tables.over(runs, lambda run: comparison.accuracy_until(run, step))
  return [
    NAMES[name], runs[0].config['learning_rate_decay_every'], str(len(runs)),
    *(speed_up(networks, name, target) for target in (TARGET, HIGH_TARGET)),
    tables.percent(accuracy),
  ]  # fmt: skip


def _figure(networks, path: Path) -> None:
  """Solid: validation images; dashed: training images, undistorted."""
  figure, axes = plt.subplots(figsize=(7, 4.2), layout='constrained')
  names = (PLAIN, 'bn_x5', SLOW_DECAY)
  for name in names:
    runs, style = networks[name], {'color': COLOURS[name]}
    label = f'{NAMES[name]} ({len(runs)} seeds)'
    draw(axes, runs, 'test_accuracy', label=label, **style)
    draw(axes, runs, 'train_accuracy_undistorted', ls='--', lw=1, **style)
  axes.set(xlabel='training steps', ylabel='accuracy, undistorted centre crops')
  axes.set(title=title(networks[PLAIN][0]), ylim=(0.4, 1), xscale='log')
  axes.set_xlim(300, None)
  axes.grid(alpha=0.3)
  axes.legend(loc='lower right', fontsize=8)
  save(figure, path, [run for name in names for run in networks[name]])
