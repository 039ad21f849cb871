"""What came after: ghost batches, precise statistics, equal learning rates."""

import numpy as np

from bn_repro.intervals import of_mean
from bn_repro.report import tables
from bn_repro.report.analysis import noise
from bn_repro.report.analysis.seeds import (
  Results,
  by_variant,
  draw,
  estimate,
  final,
  panels,
  percent,
  save,
)
from bn_repro.report.figures import COLOURS, NAMES

TITLE = 'What came after'
SWEEPS, PAGES = ('ghost_batches', 'moving_average', 'grid'), ()
GHOSTS = {
  'small': '60, whole',
  'large': '1,200, whole',
  'ghosts': '1,200, in groups of 60',
}
INIT_STD = 0.1
TEXT = """\
### Ghost batches (Hoffer et al., 2017)

Twenty epochs of either: large mini-batches take a twentieth of the steps, each longer
by the root of twenty.

{ghosts}

### Moving average and precise statistics (Wu & Johnson, 2021)

The moving average of training with other weights of the old value, beside algorithm 2
on the same network: by how much test accuracy differs (absolute, in points), on average
over the first {early:,} steps and over the rest:

{averages}

### Equal learning rates (Bjorck et al., 2018)

The grid of results/mnist at its middle initial deviation ({init_std:g}): accuracy after
{steps:,} steps at the same rate, and the difference with its interval.

{rates}

{figure}
"""
EARLY = 500


def section(results: Results) -> str:
  """Draws the figure and returns the text."""
  ghosts, averages, grid = (results.sweeps[name] for name in SWEEPS)
  return TEXT.format(
    ghosts=_ghosts(ghosts), early=EARLY, averages=_averages(averages),
    init_std=INIT_STD, steps=grid[0].summary['num_steps'],
    rates=_rates(grid), figure=_figure(results, ghosts, averages, grid),
  )  # fmt: skip


def _ghosts(runs) -> str:
  rows = [
    (GHOSTS[name], str(len(group)), f'{group[0].summary["num_steps"]:,}',
     percent(final(group)), estimate(noise.gap(group), '{:.2f}', 100))
    for name, group in by_variant(runs, GHOSTS).items()
  ]  # fmt: skip
  head = ('mini-batch', 'seeds', 'steps', 'final accuracy', 'training less test')
  return tables.markdown(head, rows)


def off(run) -> np.ndarray:
  """By how much the moving average's accuracy is off, `[evaluations]`."""
  tracked = run.curves['test_accuracy_moving_average']
  return np.abs(tracked - run.curves['test_accuracy'])


def _averages(runs) -> str:
  rows = []
  for variant, group in averages_of(runs).items():
    decay, rate = variant.removeprefix('decay').split('_rate')
    cells = (estimate(np.asarray(v), '{:.2f}', 100) for v in early_and_after(group))
    rows.append((decay, rate, str(len(group)), *cells))
  head = ('decay', 'learning rate', 'seeds', f'first {EARLY:,} steps', 'after')
  return tables.markdown(head, rows)


def early_and_after(group) -> tuple[list[float], list[float]]:
  """How far `off` on average, of each seed: up to step `EARLY`, and after it."""
  early, after = [], []
  for run in group:
    is_after = run.curves['step'] > EARLY
    early.append(off(run)[(run.curves['step'] > 0) & ~is_after].mean())
    after.append(off(run)[is_after].mean())
  return early, after


def averages_of(runs) -> dict[str, list]:
  """By variant, smaller decays, whose names are shorter, first."""
  return dict(sorted(by_variant(runs).items(), key=lambda item: len(item[0])))


def by_rate(grid) -> dict[float, dict[str, list]]:
  """Runs of the grid at `INIT_STD`, by rate and network, by seed."""
  found: dict[float, dict[str, list]] = {}
  chosen = [run for run in grid if run.config['model.init_std'] == INIT_STD]
  for (rate, network, _), group in tables.group_by(
    chosen, 'learning_rate', 'network', 'seed'
  ).items():
    found.setdefault(rate, {}).setdefault(network, []).extend(group)
  return found


def differences(networks: dict[str, list]) -> np.ndarray:
  """Final accuracy with BN less without, of each seed."""
  return final(networks['batch_norm']) - final(networks['baseline'])


def _rates(grid) -> str:
  rows = [
    (f'{rate:g}', str(len(networks['batch_norm'])),
     *(percent(final(networks[name])) for name in NAMES),
     estimate(differences(networks), '{:+.2f}', 100))
    for rate, networks in by_rate(grid).items()
  ]  # fmt: skip
  return tables.markdown(('learning rate', 'seeds', *NAMES.values(), 'points'), rows)


def _figure(results: Results, ghosts, averages, grid) -> str:
  figure, (left, middle, right) = panels(3, width=4.2)
  for name, group in by_variant(ghosts, GHOSTS).items():
    examples = group[0].curves['step'] * group[0].config['batch_size']
    mean = np.mean([run.curves['test_accuracy'] for run in group], axis=0)
    left.plot(examples / 60_000, mean, label=GHOSTS[name])
  left.set(
    title='ghost batches', xlabel='epochs', ylabel='test accuracy', ylim=(0.9, 1)
  )
  for variant, group in averages_of(averages).items():
    decay, rate = variant.removeprefix('decay').split('_rate')
    label = f'decay {decay}, rate {rate}'
    draw(middle, group, off, label=label, ls='-' if rate == '0.1' else '--', lw=1)
  middle.set(title='moving average', xlabel='training steps', yscale='log')
  middle.set_ylabel('accuracy off by')
  _draw_rates(right, grid)
  for axes in (left, middle, right):
    axes.legend(fontsize=7)
  return save(figure, results, 'later', [*ghosts, *averages, *grid])


def _draw_rates(axes, grid) -> None:
  rates = by_rate(grid)
  for network, name in NAMES.items():
    of_rate = [of_mean(final(networks[network])) for networks in rates.values()]
    mean, low, high = np.asarray(of_rate).T
    axes.errorbar(
      list(rates), mean, (mean - low, high - mean), fmt='o-', ms=4, capsize=2,
      color=COLOURS[network], label=name,
    )  # fmt: skip
  axes.set(title='equal learning rates', xscale='log', xlabel='learning rate')
  axes.set(ylabel='final test accuracy', ylim=(0.9, 1))
