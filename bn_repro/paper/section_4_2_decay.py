"""Section 4.2.1: does the learning rate of BN-x5 decay too soon here? (claim 10)"""

from pathlib import Path

from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper.section_4_2_comparison import HIGH_TARGET, TARGET
from bn_repro.paper.section_4_2_figure_2 import with_seeds
from bn_repro.paper.section_4_2_figure_3 import speed_up_column
from bn_repro.paper.section_4_2_networks import NAMES, PLAIN, SLOW_DECAY, Networks
from bn_repro.report import pages, seeds, tables
from bn_repro.report.figures import draw, panels, save
from bn_repro.report.tables import rounded


def section(networks: Networks, results: Path) -> str:
  """The text, '' unless both decays were run; draws the figure into the folder."""
  if not {'bn_x5', SLOW_DECAY} <= networks.keys():
    return ''
  _figure(networks, results / 'decay.png')
  step = comparison.common_step(networks['bn_x5'], networks[SLOW_DECAY])
  more = comparison.accuracy_difference(networks, SLOW_DECAY, 'bn_x5', step)
  return pages.render(
    'section_4_2_decay', table=_table(networks, step), step=step,
    difference=more.text('{:+.1f}', ' points'),
  )  # fmt: skip


def _table(networks: Networks, step: float) -> str:
  accuracy = lambda run: comparison.accuracy_until(run, step)
  columns = {
    'learning rate falls by 4 % every':
      lambda name: networks[name][0].config['learning_rate_decay_every'],
    'seeds': lambda name: seeds.number(networks[name]),
    f'speed-up to {rounded(TARGET, 0)}': speed_up_column(networks, TARGET),
    f'to {rounded(HIGH_TARGET, 0)}': speed_up_column(networks, HIGH_TARGET),
    f'accuracy after {step:,.0f} steps':
      lambda name: tables.percent(tables.over(networks[name], accuracy)),
  }  # fmt: skip
  names = {NAMES[name]: name for name in ('bn_x5', SLOW_DECAY)}
  return seeds.table('network', names, columns)


def _figure(networks: Networks, path: Path) -> None:
  figure, (axes,) = panels(1, 7, 4.2)
  shown = {name: networks[name] for name in (PLAIN, 'bn_x5', SLOW_DECAY)}
  for name, runs in shown.items():
    style = {'color': family.COLOURS[name], 'label': with_seeds(name, runs)}
    draw(axes, runs, 'test_accuracy', **style)
  axes.set(xlabel='training steps', ylabel='validation accuracy, single crop')
  axes.set(title=family.title(networks[PLAIN][0]), ylim=(0.4, 1), xscale='log')
  axes.set_xlim(300, None)
  axes.legend(loc='lower right', fontsize=8)
  save(figure, path, family.all_runs(shown))
