"""After the paper: ghost batches, precise statistics and equal learning rates."""

import numpy as np

from bn_repro.paper.section_4_1_grid import COLOURS, NAMES
from bn_repro.report import figures, pages, seeds
from bn_repro.report.intervals import of_mean
from bn_repro.report.pages import Results

EXAMPLES = 60_000  # of MNIST's training set
EARLY = 500  # steps
GHOSTS = {
  'small': '60, whole',
  'large': '1,200, whole',
  'ghosts': '1,200, in groups of 60',
}


def ghost_batches(results: Results) -> str:
  """Large mini-batches that are normalized in small groups (Hoffer et al., 2017)."""
  runs = results.runs('ghost_batches')
  variants = seeds.by_variant(runs, GHOSTS)
  columns = {
    'seeds': seeds.number,
    'steps': lambda runs: f'{runs[0].summary["num_steps"]:,}',
    'final accuracy': seeds.final_accuracy,
    'training less test': seeds.final_gap,
  }
  return pages.render(
    'after_the_paper_ghost_batches',
    table=seeds.table('mini-batch', variants, columns),
    figure=_figure_of_ghost_batches(results, runs, variants),
  )


def _figure_of_ghost_batches(results: Results, runs, variants) -> str:
  figure, (axes,) = figures.panels(1, width=5)
  for name, group in variants.items():
    epochs_of_step = group[0].config['batch_size'] / EXAMPLES
    figures.draw(axes, group, 'test_accuracy', epochs_of_step, label=name)
  axes.set(xlabel='epochs', ylabel='test accuracy', ylim=(0.85, 1))
  axes.legend(fontsize=8)
  return figures.save(figure, results.figures / 'ghost_batches.png', runs)


def moving_average(results: Results) -> str:
  """The moving average beside precise statistics (Wu & Johnson, 2021)."""
  runs = results.runs('moving_average')
  settings = by_setting(runs)
  points = lambda part: (
    lambda runs: seeds.estimate(np.asarray(early_and_after(runs)[part]), scale=100)
  )
  columns = {
    'seeds': seeds.number, f'first {EARLY:,} steps': points(0), 'after': points(1),
  }  # fmt: skip
  return pages.render(
    'after_the_paper_moving_average', early=EARLY,
    table=seeds.table(('decay', 'learning rate'), settings, columns),
    figure=_figure_of_moving_average(results, runs, settings),
  )  # fmt: skip


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
  variants = sorted(seeds.by_variant(runs).items(), key=lambda item: len(item[0]))
  return {
    tuple(name.removeprefix('decay').split('_rate')): group for name, group in variants
  }


def _figure_of_moving_average(results: Results, runs, settings) -> str:
  figure, (axes,) = figures.panels(1, width=6)
  for (decay, rate), group in settings.items():
    label = f'decay {decay}, rate {rate}'
    figures.draw(axes, group, off, label=label, ls='-' if rate == '0.1' else '--', lw=1)
  axes.set(xlabel='training steps', yscale='log', ylabel='test accuracy is off by')
  axes.legend(fontsize=7)
  return figures.save(figure, results.figures / 'moving_average.png', runs)


def equal_rates(results: Results) -> str:
  """Both networks at the same learning rates (Bjorck et al., 2018)."""
  runs = results.runs('equal_rates')
  rates = by_rate(runs)
  columns = {
    'seeds': lambda networks: seeds.number(networks['batch_norm']),
    NAMES['baseline']: lambda networks: seeds.final_accuracy(networks['baseline']),
    NAMES['batch_norm']: lambda networks: seeds.final_accuracy(networks['batch_norm']),
    'points': lambda networks: seeds.estimate(differences(networks), '{:+.2f}', 100),
  }
  groups = {f'{rate:g}': networks for rate, networks in rates.items()}
  return pages.render(
    'after_the_paper_equal_rates', steps=runs[0].summary['num_steps'],
    table=seeds.table('learning rate', groups, columns),
    figure=_figure_of_equal_rates(results, runs, rates),
  )  # fmt: skip


def by_rate(runs) -> dict[float, dict[str, list]]:
  """Runs by learning rate, smallest first, and network."""
  rates: dict[float, dict[str, list]] = {}
  for variant, group in seeds.by_variant(runs).items():
    network, _, rate = variant.rpartition('_rate')
    rates.setdefault(float(rate), {})[network] = group
  return dict(sorted(rates.items()))


def differences(networks: dict[str, list]) -> np.ndarray:
  """Final accuracy with BN less without, of each seed."""
  return seeds.final(networks['batch_norm']) - seeds.final(networks['baseline'])


def _figure_of_equal_rates(results: Results, runs, rates) -> str:
  """A point is a mean over seeds, with its interval, as far as that is above 0.1 %."""
  figure, (axes,) = figures.panels(1, width=5)
  for network, name in NAMES.items():
    of_rate = [of_mean(seeds.final(networks[network])) for networks in rates.values()]
    mean, most, least = 1 - np.asarray(of_rate).T
    axes.errorbar(
      list(rates), mean, (mean - np.maximum(least, 1e-3), most - mean), fmt='o-', ms=4,
      capsize=2, color=COLOURS[network], label=name,
    )  # fmt: skip
  axes.set(xscale='log', xlabel='learning rate', ylabel='final test error')
  axes.set(yscale='log', ylim=(0.01, 1))
  axes.legend(fontsize=8)
  return figures.save(figure, results.figures / 'equal_rates.png', runs)
