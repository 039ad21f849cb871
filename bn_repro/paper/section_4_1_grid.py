"""Section 4.1 at other learning rates and initial weights (claims 1, 16 and 27)."""

from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bn_repro.report import effects, figures, pages, tables
from bn_repro.report.collect import Run

STEPS = (1_000, 5_000, 10_000, 50_000)
# A network that names one digit for all images is right for 11.35 % of MNIST's.
CHANCE = 0.12
NAMES = {'baseline': 'Without BN', 'batch_norm': 'With BN'}
COLOURS = {'baseline': 'tab:orange', 'batch_norm': 'tab:blue'}
HEAD = ('learning rate', 'initial std', *(f'{step:,} steps' for step in STEPS))
HEAD_OF_BOTH = ('without BN', 'learning rate, std', 'with BN', 'learning rate, std')


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
    """Best test accuracy, `[seeds]`."""
    return tables.over(self.runs, lambda run: run.summary['best_test_accuracy'])

  def steps_to(self, accuracy: float) -> np.ndarray:
    """Steps to a test accuracy, `[seeds]`, infinite where it was not reached."""
    return tables.over(self.runs, lambda run: run.steps_to(accuracy))

  def diverged(self) -> np.ndarray:
    """Whether it diverged, `[seeds]`."""
    return np.asarray([run.diverged for run in self.runs])

  def failures(self) -> str:
    """How many seeds diverged or never left chance; '' if none did."""
    at_chance = (self.best() < CHANCE) & ~self.diverged()
    return ', '.join(
      f'{name} ({failed.sum()} of {len(failed)})'
      for name, failed in (('diverged', self.diverged()), ('at chance', at_chance))
      if failed.any()
    )

  def row(self) -> tuple[str, ...]:
    """Its place, its accuracy at each of `STEPS`, and how many seeds failed."""
    accuracies = (tables.percent(self.at(step)) for step in STEPS)
    return *self.place, *accuracies, self.failures()

  @property
  def place(self) -> tuple[str, str]:
    """Its learning rate and initial standard deviation, as text."""
    return f'{self.learning_rate:g}', f'{self.init_std:g}'


def settings(runs: list[Run]) -> dict[str, list[Setting]]:
  """The settings of each network, by learning rate and initial standard deviation."""
  fields = ('network', 'learning_rate', 'model.init_std')
  corner_of = lambda run: tuple(run.config[field] for field in fields)
  of_network: dict[str, list[Setting]] = {}
  for corner, group in tables.group_by(runs, corner_of).items():
    of_network.setdefault(corner[0], []).append(Setting(*corner, group))
  return of_network


def best(of_network: list[Setting], step: int) -> Setting:
  """The setting of highest mean accuracy at a step; diverged seeds put it last."""
  return max(of_network, key=lambda s: np.nan_to_num(s.at(step).mean(), nan=-np.inf))


def fastest(of_network: list[Setting], accuracy: float) -> Setting | None:
  """The setting with the fewest mean steps to an accuracy all its seeds reach."""
  reaching = [s for s in of_network if np.isfinite(s.steps_to(accuracy)).all()]
  return min(reaching, key=lambda s: s.steps_to(accuracy).mean(), default=None)


def text(runs: list[Run]) -> str:
  """The section of the page on the grid."""
  plain, normalized = settings(runs).values()
  return pages.render(
    'section_4_1_grid',
    runs=len(runs), seeds=len(plain[0].runs), steps=runs[0].summary['num_steps'],
    every=runs[0].config['evaluate_every'], claims=claims_table(runs),
    best=_best_table(plain, normalized), crossing=_crossing_table(plain, normalized),
    difference=_difference_table(plain, normalized),
    failures=_failures(plain, normalized),
    plain=_accuracy_table(plain), normalized=_accuracy_table(normalized),
  )  # fmt: skip


def _failures(plain: list[Setting], normalized: list[Setting]) -> str:
  kinds = {
    'some seed diverged': lambda s: s.diverged().any(),
    'some seed never left chance': lambda s: (s.best() < CHANCE).any(),
    'every seed ends above 90 %': lambda s: (s.at(STEPS[-1]) > 0.9).all(),
    'every seed ends above 95 %': lambda s: (s.at(STEPS[-1]) > 0.95).all(),
    'every seed ends above 97 %': lambda s: (s.at(STEPS[-1]) > 0.97).all(),
  }
  rows = [
    (name, *(f'{sum(map(holds, of))} of {len(of)} settings'
             for of in (plain, normalized)))
    for name, holds in kinds.items()
  ]  # fmt: skip
  return tables.markdown(('', 'without BN', 'with BN'), rows)


def _accuracy_table(of_network: list[Setting]) -> str:
  return tables.markdown((*HEAD, 'remark'), [s.row() for s in of_network])


def _best_table(plain: list[Setting], normalized: list[Setting]) -> str:
  rows = []
  for step in STEPS:
    row = [f'{step:,} steps']
    for setting in (best(plain, step), best(normalized, step)):
      row += [tables.percent(setting.at(step)), ', '.join(setting.place)]
    rows.append(row)
  return tables.markdown(('after', *HEAD_OF_BOTH), rows)


def _difference_table(plain: list[Setting], normalized: list[Setting]) -> str:
  rows = [
    (*p.place, *(_gap(100 * (n.at(step) - p.at(step))) for step in STEPS))
    for p, n in zip(plain, normalized)
  ]
  return tables.markdown(HEAD, rows)


def _gap(points: np.ndarray) -> str:
  return f'{points.mean():+.2f}' if np.isfinite(points).all() else '-'


def _crossing_table(plain: list[Setting], normalized: list[Setting]) -> str:
  """Steps that each network needs for the best accuracy of the other."""
  rows = []
  for name, owner in (('without BN', plain), ('with BN', normalized)):
    target = best(owner, STEPS[-1]).best().mean()
    cells = (_fastest_cells(of_network, target) for of_network in (plain, normalized))
    rows.append((f'best of {name}: {100 * target:.2f} %', *chain(*cells)))
  return tables.markdown(('target', *HEAD_OF_BOTH), rows)


def _fastest_cells(of_network: list[Setting], target: float) -> tuple[str, str]:
  if setting := fastest(of_network, target):
    return tables.steps(setting.steps_to(target)), ', '.join(setting.place)
  return 'no setting with all seeds', ''


def claims_table(runs: list[Run]) -> str:
  """What the grid says of claims 1, 16 and 27, in numbers."""
  plain, normalized = settings(runs).values()
  rate = max(setting.learning_rate for setting in plain)
  return pages.render(
    'section_4_1_grid_claims',
    markdown=tables.markdown, settings=len(plain),
    gaps=[_best_gap(plain, normalized, step) for step in (STEPS[0], STEPS[-1])],
    rate=rate, ends=_ends_at(normalized, rate), ends_without=_ends_at(plain, rate),
    ranges=_dependence(normalized), ranges_without=_dependence(plain),
  )  # fmt: skip


def _best_gap(plain, normalized, step) -> str:
  """In points; each setting was chosen as the best on the test set."""
  ours, theirs = (100 * best(of, step).at(step) for of in (normalized, plain))
  return f'{effects.welch(ours, theirs).text("{:+.2f}")} after {step:,} steps'


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
  """Accuracy after 1,000 steps (dashed) and at the end; bars span the seeds."""
  networks = settings(runs)
  deviations = sorted({setting.init_std for setting in networks['baseline']})
  drawing, panels = figures.panels(len(deviations), 11 / len(deviations), sharey=True)
  for axes, deviation in zip(panels, deviations):
    for network, of_network in networks.items():
      here = [setting for setting in of_network if setting.init_std == deviation]
      _draw_rates(axes, network, here, STEPS[0], '--')
      _draw_rates(axes, network, here, STEPS[-1], '-')
    axes.set(xscale='log', xlabel='learning rate', title=f'initial std {deviation:g}')
  panels[0].set_ylabel('test accuracy')
  panels[-1].legend(loc='lower center', fontsize=8)
  figures.save(drawing, path, runs)


def _draw_rates(axes, network: str, of_network: list[Setting], step, style) -> None:
  accuracy = [setting.at(step) for setting in of_network]
  figures.draw_intervals(
    axes, [setting.learning_rate for setting in of_network],
    [(values.mean(), values.min(), values.max()) for values in accuracy],
    fmt=f'o{style}', ms=3, color=COLOURS[network],
    label=f'{NAMES[network]}, {step:,} steps',
  )  # fmt: skip
