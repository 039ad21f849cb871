"""Section 4.1 at other learning rates and initial weights (claims 1, 16 and 27)."""

import math
from itertools import chain
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
HEAD = ('rate', 'init std', *(f'{step:,} steps' for step in STEPS))
HEAD_OF_BOTH = ('without BN', 'at rate, std', 'with BN', 'at rate, std')
FIELDS = ('learning_rate', 'model.init_std')


class Setting(NamedTuple):
  """One network at one corner of the grid, and its runs over seeds."""

  network: str
  learning_rate: float
  init_std: float
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

  def failures(self) -> str:
    """How many seeds diverged or never left chance; '' if none did."""
    diverged = [run for run in self.runs if run.summary['diverged']]
    at_chance = [
      run
      for run in self.runs
      if run.summary['best_test_accuracy'] < CHANCE and not run.summary['diverged']
    ]
    return ', '.join(
      f'{name} ({len(failed)} of {len(self.runs)})'
      for name, failed in (('diverged', diverged), ('at chance', at_chance))
      if failed
    )

  @property
  def place(self) -> str:
    """Where on the grid it is: '0.1, 0.01'."""
    return f'{self.learning_rate:g}, {self.init_std:g}'


def settings(runs: list[Run]) -> dict[str, list[Setting]]:
  """The settings of each network, by learning rate and initial standard deviation."""
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
  """The section of the page on the grid."""
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
  kinds = {
    'some seed diverged': lambda s: any(run.summary['diverged'] for run in s.runs),
    'some seed never left chance': lambda s: (s.best() < CHANCE).any(),
    'every seed ends above 90 %': lambda s: (s.at(last) > 0.9).all(),
    'every seed ends above 95 %': lambda s: (s.at(last) > 0.95).all(),
    'every seed ends above 97 %': lambda s: (s.at(last) > 0.97).all(),
  }
  count = lambda of_network, holds: (
    f'{sum(map(holds, of_network))} of {len(of_network)} settings'
  )
  rows = [(name, count(plain, is_so), count(normalized, is_so))
          for name, is_so in kinds.items()]  # fmt: skip
  return tables.markdown(('', 'without BN', 'with BN'), rows)


def accuracy_table(of_network: list[Setting]) -> str:
  """Mean and deviation of accuracy over seeds, a row for each setting."""
  rows = [
    (f'{setting.learning_rate:g}', f'{setting.init_std:g}',
     *(tables.percent(setting.at(step)) for step in STEPS), setting.failures())
    for setting in of_network
  ]  # fmt: skip
  return tables.markdown((*HEAD, 'remark'), rows)


def best_table(plain: list[Setting], normalized: list[Setting]) -> str:
  """The best setting of each network after each number of steps."""
  rows = [
    (f'{step:,} steps', *_best_cells(plain, step), *_best_cells(normalized, step))
    for step in STEPS
  ]
  return tables.markdown(('after', *HEAD_OF_BOTH), rows)


def _best_cells(of_network, step):
  setting = best(of_network, step)
  return tables.percent(setting.at(step)), setting.place


def difference_table(plain: list[Setting], normalized: list[Setting]) -> str:
  """Difference (BN - no BN) in points at equal learning rate and initial weights."""
  rows = [
    (f'{p.learning_rate:g}', f'{p.init_std:g}', *(_gap(p, n, step) for step in STEPS))
    for p, n in zip(plain, normalized)
  ]
  return tables.markdown(HEAD, rows)


def _gap(plain: Setting, normalized: Setting, step: int) -> str:
  gap = 100 * (normalized.at(step) - plain.at(step))
  return f'{gap.mean():+.2f}' if np.isfinite(gap).all() else '-'


def crossing_table(plain: list[Setting], normalized: list[Setting]) -> str:
  """Steps that each network needs for the best accuracy of the other."""
  rows = []
  for name, owner in (('without BN', plain), ('with BN', normalized)):
    target = best(owner, STEPS[-1]).best().mean()
    cells = (_fastest_cells(of_network, target) for of_network in (plain, normalized))
    rows.append((f'best of {name}: {100 * target:.2f} %', *chain(*cells)))
  return tables.markdown(('target', *HEAD_OF_BOTH), rows)


def _fastest_cells(of_network, target):
  if setting := fastest(of_network, target):
    return tables.steps(setting.steps_to(target)), setting.place
  return 'no setting with all seeds', ''


def claims_table(plain: list[Setting], normalized: list[Setting]) -> str:
  """What the grid says of claims 1, 16 and 27, in numbers."""
  gaps = ', '.join(
    f'{_best_gap(plain, normalized, step).text("{:+.2f}")} after {step:,} steps'
    for step in (STEPS[0], STEPS[-1])
  )
  rate = max(setting.learning_rate for setting in plain)
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
  means = [s.at(STEPS[-1]).mean() for s in of_network if s.learning_rate == rate]
  return 100 * np.asarray(means)


def _ends_at(of_network, rate) -> str:
  means = _means_at_the_end(of_network, rate)
  return f'{means.min():.2f} to {means.max():.2f} %'


def _dependence(of_network) -> float:
  rates = sorted({setting.learning_rate for setting in of_network})
  return float(np.median([np.ptp(_means_at_the_end(of_network, r)) for r in rates]))


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
