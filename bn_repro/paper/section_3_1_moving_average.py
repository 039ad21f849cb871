"""After the paper: what the moving average says beside precise statistics."""

import numpy as np

from bn_repro.report import tables
from bn_repro.report.figures import draw
from bn_repro.report.seeds import Results, by_variant, estimate, panels, save

TITLE = 'After: precise statistics (Wu & Johnson, 2021)'
SWEEPS, PAGES = ('moving_average',), ()
EARLY = 500
TEXT = """\
The moving average of training with other weights of the old value (decay), beside
algorithm 2 on the same network: by how much test accuracy differs (absolute, in
points), on average over the first {early:,} steps and over the rest:

{table}

{figure}
"""


def section(results: Results) -> str:
  """Draws the figure and returns the text."""
  runs = results.sweeps['moving_average']
  return TEXT.format(early=EARLY, table=_table(runs), figure=_figure(results, runs))


def off(run) -> np.ndarray:
  """By how much the moving average's accuracy is off, `[evaluations]`."""
  tracked = run.curves['test_accuracy_moving_average']
  return np.abs(tracked - run.curves['test_accuracy'])


def early_and_after(group) -> tuple[list[float], list[float]]:
  """How far `off` on average, of each seed: up to step `EARLY`, and after it."""
  early, after = [], []
  for run in group:
    is_after = run.curves['step'] > EARLY
    early.append(off(run)[(run.curves['step'] > 0) & ~is_after].mean())
    after.append(off(run)[is_after].mean())
  return early, after


def by_setting(runs) -> dict[tuple[str, str], list]:
  """By decay and learning rate; smaller decays, whose names are shorter, first."""
  variants = sorted(by_variant(runs).items(), key=lambda item: len(item[0]))
  return {
    tuple(name.removeprefix('decay').split('_rate')): group for name, group in variants
  }


def _table(runs) -> str:
  rows = []
  for (decay, rate), group in by_setting(runs).items():
    cells = (estimate(np.asarray(v), '{:.2f}', 100) for v in early_and_after(group))
    rows.append((decay, rate, str(len(group)), *cells))
  head = ('decay', 'learning rate', 'seeds', f'first {EARLY:,} steps', 'after')
  return tables.markdown(head, rows)


def _figure(results: Results, runs) -> str:
  figure, (axes,) = panels(1, width=6)
  for (decay, rate), group in by_setting(runs).items():
    label = f'decay {decay}, rate {rate}'
    draw(axes, group, off, label=label, ls='-' if rate == '0.1' else '--', lw=1)
  axes.set(xlabel='training steps', yscale='log', ylabel='test accuracy is off by')
  axes.legend(fontsize=7)
  return save(figure, results, 'moving_average', runs)
