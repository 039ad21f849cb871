"""After the paper: large mini-batches that are normalized in small groups."""

from bn_repro.report import tables
from bn_repro.report.figures import draw
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

TITLE = 'After: ghost batches (Hoffer et al., 2017)'
SWEEPS, PAGES = ('ghost_batches',), ()
NAMES = {
  'small': '60, whole',
  'large': '1,200, whole',
  'ghosts': '1,200, in groups of 60',
}
EXAMPLES = 60_000
TEXT = """\
Twenty epochs of either: large mini-batches take a twentieth of the steps, each longer
by the root of twenty.

{table}

{figure}
"""


def section(results: Results) -> str:
  """Draws the figure and returns the text."""
  runs = results.sweeps['ghost_batches']
  return TEXT.format(table=_table(runs), figure=_figure(results, runs))


def _table(runs) -> str:
  rows = [
    (NAMES[name], str(len(group)), f'{group[0].summary["num_steps"]:,}',
     percent(final(group)), estimate(gaps(group), scale=100))
    for name, group in by_variant(runs, NAMES).items()
  ]  # fmt: skip
  head = ('mini-batch', 'seeds', 'steps', 'final accuracy', 'training less test')
  return tables.markdown(head, rows)


def _figure(results: Results, runs) -> str:
  figure, (axes,) = panels(1, width=5)
  for name, group in by_variant(runs, NAMES).items():
    epochs_of_step = group[0].config['batch_size'] / EXAMPLES
    draw(axes, group, 'test_accuracy', epochs_of_step, label=NAMES[name])
  axes.set(xlabel='epochs', ylabel='test accuracy', ylim=(0.85, 1))
  axes.legend(fontsize=8)
  return save(figure, results, 'ghost_batches', runs)
