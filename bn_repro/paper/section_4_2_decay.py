"""Does the learning rate of BN-x5 decay too soon here? (claim 10)"""

from pathlib import Path

from bn_repro.paper import section_4_2_1_figures as figures_of_changes
from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper.section_4_2_comparison import HIGH_TARGET, TARGET
from bn_repro.paper.section_4_2_figure_3 import speed_up
from bn_repro.paper.section_4_2_networks import NAMES, SLOW_DECAY
from bn_repro.report import tables
from bn_repro.report.collect import Run
from bn_repro.report.tables import rounded

TEXT = """\
## The decay of BN-x5 (claim 10)

Section 4.2.1 lets the learning rate of BN-x5 fall six times as fast. Inception needs
some 98,000 steps here and 31 million in the paper, so that the fast decay leaves BN-x5
a total step length (the sum of its learning rates) about equal to that of Inception,
where in the paper it had more to spend. So BN-x5 again, with the decay of Inception and
all else as it was.

![Decay](decay.png)

{table}

After {step:,.0f} steps, the end of the shorter runs, the slow decay is
{difference} above the fast one.
"""


def text(networks: dict[str, list[Run]], results: Path) -> str:
  """The section, whose figure is drawn, too; '' unless both decays were run.

  Args:
    networks: of figure 3, and BN-x5 with the slow decay.
    results: the folder of the figure.
  """
  if not {'bn_x5', SLOW_DECAY} <= networks.keys():
    return ''
  figures_of_changes.decay(networks, results / 'decay.png')
  step = comparison.common_step(networks['bn_x5'], networks[SLOW_DECAY])
  more = comparison.accuracy_difference(networks, SLOW_DECAY, 'bn_x5', step)
  return TEXT.format(
    table=_table(networks, step), step=step,
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
