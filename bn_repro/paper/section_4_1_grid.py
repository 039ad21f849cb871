"""What the grid of learning rate x initial deviation says (claims 1, 16, 27)."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from bn_repro.report import effects, tables
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect

STEPS = (1_000, 5_000, 10_000, 50_000)
# A network that names one digit for all images is right for 11.35 % of MNIST's.
CHANCE = 0.12
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
  found: dict[str, list[Setting]] = {}
  for (network, rate, deviation), group in tables.group_by(
    runs, 'network', *FIELDS
  ).items():
    setting = Setting(network, rate, deviation, group)
    found.setdefault(network, []).append(setting)
  return found


def best(of_network: list[Setting], step: int) -> Setting:
  """The setting with the highest mean accuracy after that many steps."""
  return max(of_network, key=lambda setting: _mean_or_worst(setting.at(step)))


def _mean_or_worst(values: np.ndarray) -> float:
  return float(values.mean()) if np.isfinite(values).all() else -math.inf


def fastest(of_network: list[Setting], accuracy: float) -> Setting | None:
  """The setting with the fewest mean steps to an accuracy all its seeds reach."""
  reaching = [s for s in of_network if np.isfinite(s.steps_to(accuracy)).all()]
  return min(reaching, key=lambda s: s.steps_to(accuracy).mean(), default=None)


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
