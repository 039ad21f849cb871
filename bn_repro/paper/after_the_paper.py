"""After the paper: ghost batches, precise statistics and equal learning rates."""

import numpy as np

from bn_repro.paper.section_4_1_grid import COLOURS, NAMES
from bn_repro.report import figures, pages, seeds, tables
from bn_repro.report.collect import Run
from bn_repro.report.intervals import of_mean
from bn_repro.report.pages import Results

EXAMPLES = 60_000  # of MNIST's training set
EARLY = 500  # steps
GHOSTS = {
  'small': '60, whole',
  'large': '1,200, whole',
  'ghosts': '1,200, in groups of 60',
}


def ghost_batches(results: Results, runs: list[Run]) -> str:
  """Large mini-batches that are normalized in small groups (Hoffer et al., 2017)."""
  variants = seeds.by_variant(runs, GHOSTS)
  columns = {
    'seeds': seeds.number,
    'steps': lambda group: f'{group[0].summary["num_steps"]:,}',
    'final accuracy': seeds.final_accuracy,
    'training less test, points': seeds.final_gap,
  }
  figure, (axes,) = figures.panels(1, width=5)
  for name, group in variants.items():
    epochs_of_step = group[0].config['batch_size'] / EXAMPLES
    figures.draw(axes, group, 'test_accuracy', epochs_of_step, label=name)
  axes.set(xlabel='epochs', ylabel='test accuracy', ylim=(0.85, 1))
  axes.legend(fontsize=8)
  return pages.render(
    'after_the_paper_ghost_batches',
    table=seeds.table('mini-batch', variants, columns),
    figure=figures.save(figure, results.folder / 'ghost_batches.png', runs),
  )


def moving_average(results: Results, runs: list[Run]) -> str:
  """The moving average beside precise statistics (Wu & Johnson, 2021)."""
  settings = by_setting(runs)
  points = lambda part: (
    lambda group: seeds.estimate(np.asarray(early_and_after(group)[part]), scale=100)
  )
  columns = {
    'seeds': seeds.number, f'first {EARLY:,} steps': points(0), 'after': points(1),
  }  # fmt: skip
  figure, (axes,) = figures.panels(1, width=6)
  style = lambda setting: {
    'label': 'decay {}, learning rate {}'.format(*setting),
    'ls': '-' if setting[1] == '0.1' else '--',
    'lw': 1,
  }
  figures.draw_groups(
    axes, settings, off, style, yscale='log', ylabel='test accuracy is off by'
  )
  axes.legend(fontsize=7)
  return pages.render(
    'after_the_paper_moving_average', early=EARLY,
    table=seeds.table(('decay', 'learning rate'), settings, columns),
    figure=figures.save(figure, results.folder / 'moving_average.png', runs),
  )  # fmt: skip


def by_setting(runs: list[Run]) -> dict[tuple[str, str], list[Run]]:
  """By decay and learning rate; smaller decays, whose names are shorter, first."""
  settings = sorted(
    seeds.split(runs, '_rate').items(), key=lambda item: len(item[0][0])
  )
  return {(name.removeprefix('decay'), rate): group for (name, rate), group in settings}


def off(run: Run) -> np.ndarray:
  """By how much the moving average's accuracy is off, `[evaluations]`."""
  tracked = run.curves['test_accuracy_moving_average']
  return np.abs(tracked - run.curves['test_accuracy'])


def early_and_after(group: list[Run]) -> tuple[list[float], list[float]]:
  """How far `off` on average, of each seed: up to step `EARLY`, and after it."""
  means = lambda low, high: [
    off(run)[(low < run.curves['step']) & (run.curves['step'] <= high)].mean()
    for run in group
  ]
  return means(0, EARLY), means(EARLY, np.inf)


def equal_rates(results: Results, runs: list[Run]) -> str:
  """Both networks at the same learning rates (Bjorck et al., 2018)."""
  networks = seeds.by_number(runs, '_rate')
  rows = []
  for rate, normalized in networks['batch_norm'].items():
    both = (networks['baseline'][rate], normalized)
    rows.append((
      f'{rate:g}', seeds.number(normalized), *map(seeds.final_accuracy, both),
      seeds.estimate(difference(*both), '{:+.2f}', 100),
    ))  # fmt: skip
  head = ('learning rate', 'seeds', *NAMES.values(), 'points')
  return pages.render(
    'after_the_paper_equal_rates', steps=runs[0].summary['num_steps'],
    table=tables.markdown(head, rows),
    figure=_figure_of_equal_rates(results, runs, networks),
  )  # fmt: skip


def difference(plain: list[Run], normalized: list[Run]) -> np.ndarray:
  """Final accuracy with BN less without, of each seed."""
  return seeds.final(normalized) - seeds.final(plain)


def _figure_of_equal_rates(results: Results, runs, networks) -> str:
  """A point is a mean over seeds, with its interval, as far as that is above 0.1 %."""
  figure, (axes,) = figures.panels(1, width=5)
  for network, name in NAMES.items():
    rates = networks[network]
    accuracies = [of_mean(seeds.final(group)) for group in rates.values()]
    mean, most, least = 1 - np.transpose(accuracies)
    errors = np.transpose([mean, np.maximum(least, 1e-3), most])
    style = {'ms': 4, 'color': COLOURS[network], 'label': name}
    figures.draw_intervals(axes, rates, errors, **style)
  axes.set(xscale='log', xlabel='learning rate', ylabel='final test error')
  axes.set(yscale='log', ylim=(0.01, 1))
  axes.legend(fontsize=8)
  return figures.save(figure, results.folder / 'equal_rates.png', runs)
