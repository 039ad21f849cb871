"""What the grid of learning rate x initial deviation says (claims 1, 16, 27)."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bn_repro.report import effects, figures, pages, tables
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect

STEPS = (1_000, 5_000, 10_000, 50_000)
# A network that names one digit for all images is right for 11.35 % of MNIST's.
CHANCE = 0.12
NAMES = {'baseline': 'Without BN', 'batch_norm': 'With BN'}
COLOURS = {'baseline': 'tab:orange', 'batch_norm': 'tab:blue'}
FIELDS = ('learning_rate', 'model.init_std')


class Setting(NamedTuple):
  """One network at one corner of the grid, and its runs over seeds."""

  network: str
  rate: float
  deviation: float
  runs: list[Run]

  def at(self, step: int) -> np.ndarray:
    """Test accuracy after that many steps, `[seeds]`."""
    return tables.over(self.runs, lambda run: run.accuracy_at(step))

  def best(self) -> np.ndarray:
    """Best test accuracy of each seed."""
    return tables.over(self.runs, lambda run: run.summary['best_test_accuracy'])

  def steps_to(self, accuracy: float) -> np.ndarray:
    """Steps to a test accuracy, `[seeds]`, infinite where it was not reached."""
    return tables.over(self.runs, lambda run: run.steps_to(accuracy))

  def fate(self) -> str:
    """How many seeds diverged or never left chance; '' if none did."""
    diverged = sum(run.summary['diverged'] for run in self.runs)
    stuck = sum(
      run.summary['best_test_accuracy'] < CHANCE and not run.summary['diverged']
      for run in self.runs
    )
    number = len(self.runs)
    fates = [f'diverged ({diverged} of {number})'] * (diverged > 0)
    return ', '.join(fates + [f'at chance ({stuck} of {number})'] * (stuck > 0))


def settings(runs: list[Run]) -> dict[str, list[Setting]]:
  """The settings of each network, by learning rate and deviation."""
  of_network: dict[str, list[Setting]] = {}
  for corner, group in tables.group_by(runs, 'network', *FIELDS).items():
    setting = Setting(*corner, group)
    of_network.setdefault(setting.network, []).append(setting)
  return of_network


def of_both(runs: list[Run]) -> tuple[list[Setting], list[Setting]]:
  """The settings without BN and with it."""
  of_network = settings(runs)
  return of_network['baseline'], of_network['batch_norm']


def best(of_network: list[Setting], step: int) -> Setting:
  """The setting with the highest mean accuracy after that many steps."""
  return max(of_network, key=lambda setting: _mean_or_worst(setting.at(step)))


def _mean_or_worst(values: np.ndarray) -> float:
  return float(values.mean()) if np.isfinite(values).all() else -math.inf


def fastest(of_network: list[Setting], accuracy: float) -> Setting | None:
  """The setting with the fewest mean steps to an accuracy all its seeds reach."""
  reaching = [s for s in of_network if np.isfinite(s.steps_to(accuracy)).all()]
  return min(reaching, key=lambda s: s.steps_to(accuracy).mean(), default=None)


def text(runs: list[Run]) -> str:
  """The section of the page on the"""
  plain, normalized = of_both(runs)
  return pages.render(
    'section_4_1_grid',
    runs=len(runs),
    seeds=len(plain[0].runs),
    steps=runs[0].summary['num_steps'],
    every=runs[0].config['evaluate_every'],
    claims=claims_table(plain, normalized),
    best=best_table(plain, normalized),
    crossing=crossing_table(plain, normalized),
    difference=difference_table(plain, normalized),
    failures=_failures(plain, normalized),
    plain=accuracy_table(plain),
    normalized=accuracy_table(normalized),
  )


def _failures(plain, normalized) -> str:
  last = STEPS[-1]
  measures = {
    'some seed diverged': lambda s: any(run.summary['diverged'] for run in s.runs),
    'some seed never left chance': lambda s: (s.best() < CHANCE).any(),
    'every seed ends above 90 %': lambda s: (s.at(last) > 0.9).all(),
    'every seed ends above 95 %': lambda s: (s.at(last) > 0.95).all(),
    'every seed ends above 97 %': lambda s: (s.at(last) > 0.97).all(),
  }
  return tables.markdown(
    ('', 'without BN', 'with BN'),
    (
      (name, count(plain, holds), count(normalized, holds))
      for name, holds in measures.items()
    ),
  )


def accuracy_table(of_network: list[Setting]) -> str:
  """Mean and deviation of accuracy over seeds, a row for each setting."""
  head = ('rate', 'init std', *(f'{step:,} steps' for step in STEPS), 'remark')
  return tables.markdown(
    head,
    (
      (
        f'{setting.rate:g}',
        f'{setting.deviation:g}',
        *(tables.percent(setting.at(step)) for step in STEPS),
        setting.fate(),
      )
      for setting in of_network
    ),
  )


def best_table(plain: list[Setting], normalized: list[Setting]) -> str:
  """The best setting of each network after each number of steps."""
  return tables.markdown(
    ('after', 'without BN', 'at rate, std', 'with BN', 'at rate, std'),
    (
      (f'{step:,} steps', *_best_cells(plain, step), *_best_cells(normalized, step))
      for step in STEPS
    ),
  )


def _best_cells(of_network, step):
  setting = best(of_network, step)
  return tables.percent(setting.at(step)), _place(setting)


def _place(setting: Setting) -> str:
  return f'{setting.rate:g}, {setting.deviation:g}'


def difference_table(plain: list[Setting], normalized: list[Setting]) -> str:
  """Difference (BN - no BN) in points at equal learning rate and initial weights."""
  return tables.markdown(
    ('rate', 'init std', *(f'{step:,} steps' for step in STEPS)),
    (
      (f'{p.rate:g}', f'{p.deviation:g}', *(_gap(p, n, step) for step in STEPS))
      for p, n in zip(plain, normalized)
    ),
  )


def _gap(plain: Setting, normalized: Setting, step: int) -> str:
  gap = 100 * (normalized.at(step) - plain.at(step))
  return f'{gap.mean():+.2f}' if np.isfinite(gap).all() else '-'


def crossing_table(plain: list[Setting], normalized: list[Setting]) -> str:
  """Steps that each network needs for the best accuracy of the other."""
  step = STEPS[-1]
  return tables.markdown(
    ('target', 'without BN', 'at rate, std', 'with BN', 'at rate, std'),
    (
      _crossing(f'best of {name}', best(owner, step).best().mean(), plain, normalized)
      for name, owner in (('without BN', plain), ('with BN', normalized))
    ),
  )


def _crossing(name, accuracy, plain, normalized):
  cells = [f'{name}: {100 * accuracy:.2f} %']
  for of_network in (plain, normalized):
    setting = fastest(of_network, accuracy)
    cells += (
      [tables.steps(setting.steps_to(accuracy)), _place(setting)]
      if setting
      else ['no setting with all seeds', '']
    )
  return cells


def claims_table(plain: list[Setting], normalized: list[Setting]) -> str:
  """What the grid says of claims 1, 16 and 27, in numbers."""
  gaps = ', '.join(
    f'{_best_gap(plain, normalized, step).text("{:+.2f}")} after {step:,} steps'
    for step in (STEPS[0], STEPS[-1])
  )
  rate = max(setting.rate for setting in plain)
  rows = (
    (f'Claim 1, each network at its own best of {len(plain)} settings: difference of '
     'test accuracy (BN - no BN), points', gaps),
    ('Claim 16, on MNIST: higher learning rates do no harm with BN: final accuracy of '
     f'all settings at learning rate {rate:g}',
     f'{_ends_at(normalized, rate)} with BN, {_ends_at(plain, rate)} without'),
    ('Claim 27: less depends on the initial weights: range of mean final accuracy '
     'over initial standard deviations, median over learning rates',
     f'{_dependence(normalized):.2f} points with BN, {_dependence(plain):.2f} without'),
  )  # fmt: skip
  return tables.markdown(('claim', 'measured'), rows)


def _best_gap(plain, normalized, step) -> Effect:
  """In points; each setting was chosen as the best on the test set."""
  ours, theirs = (100 * best(of, step).at(step) for of in (normalized, plain))
  return effects.welch(ours, theirs)


def _means_at_the_end(of_network, rate) -> np.ndarray:
  means = [s.at(STEPS[-1]).mean() for s in of_network if s.rate == rate]
  return 100 * np.asarray(means)


def _ends_at(of_network, rate) -> str:
  means = _means_at_the_end(of_network, rate)
  return f'{means.min():.2f} to {means.max():.2f} %'


def _dependence(of_network) -> float:
  rates = sorted({setting.rate for setting in of_network})
  return float(np.median([np.ptp(_means_at_the_end(of_network, r)) for r in rates]))


def count(of_network: list[Setting], holds: Callable[[Setting], bool]) -> str:
  """Such as '17 of 21 settings'."""
  return f'{sum(map(holds, of_network))} of {len(of_network)} settings'


def figure(runs: list[Run], path: Path) -> None:
  """Accuracy against learning rate, one panel for each initial deviation.

  Dashed: after 1,000 steps; solid: at the end. Bars span the seeds.
  """
  deviations = tables.group_by(runs, 'model.init_std')
  drawing, panels = figures.panels(len(deviations), 11 / len(deviations), sharey=True)
  for axes, ((deviation,), group) in zip(panels, deviations.items()):
    for (network,), of_network in tables.group_by(group, 'network').items():
      _draw_rates(axes, network, of_network, 1_000, '--')
      _draw_rates(axes, network, of_network, of_network[0].summary['num_steps'], '-')
    axes.set(xscale='log', xlabel='learning rate', title=f'init std {deviation:g}')
  panels[0].set_ylabel('test accuracy')
  panels[-1].legend(loc='lower center', fontsize=8)
  figures.save(drawing, path, runs)


def _draw_rates(axes, network, runs, step, style):
  rates = tables.group_by(runs, 'learning_rate')
  accuracy = [
    tables.over(group, lambda run: run.accuracy_at(step)) for group in rates.values()
  ]
  middle = np.asarray([values.mean() for values in accuracy])
  span = np.abs(np.asarray([(v.min(), v.max()) for v in accuracy]) - middle[:, None])
  axes.errorbar(
    [rate for (rate,) in rates], middle, span.T, fmt=f'o{style}', ms=3, capsize=2,
    color=COLOURS[network], label=f'{NAMES[network]}, {step:,} steps',
  )  # fmt: skip
