"""Variants over seeds: their numbers with intervals, their curves with bands."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt
import numpy as np

from bn_repro.report import figures, tables
from bn_repro.report.collect import Run
from bn_repro.report.intervals import of_mean


class Results(NamedTuple):
  """What was found: the runs of sweeps, and pages of analyses, by name.

  Attributes:
    sweeps: [] of one that was not run.
    pages: without those that were not made.
    folder: that gets the figures.
  """

  sweeps: dict[str, list[Run]]
  pages: dict[str, dict[str, Any]]
  folder: Path


def by_variant(
  runs: Iterable[Run], names: Iterable[str] | None = None
) -> dict[str, list[Run]]:
  """Runs by the part of their names before '_seed', in the order of their seeds.

  Args:
    runs: of a sweep.
    names: of all variants, in the order that they shall have; None for any.
  """
  found: dict[str, list[Run]] = {}
  for run in sorted(runs, key=lambda run: run.config['seed']):
    found.setdefault(run.name.partition('_seed')[0], []).append(run)
  return found if names is None else {n: found[n] for n in names if n in found}


def final(runs: list[Run], column: str = 'test_accuracy') -> np.ndarray:
  """The last value of a column, `[seeds]`; NaN of a run that diverged."""
  return tables.over(runs, lambda run: run.at_end(column))


def gaps(runs: list[Run]) -> np.ndarray:
  """Training less test accuracy at the end, `[seeds]`."""
  return tables.over(runs, lambda run: run.gap)


def average(runs: list[Run], column: str) -> np.ndarray:
  """The mean of a column over all evaluations after the first, `[seeds]`."""
  return tables.over(runs, lambda run: np.mean(run.curves[column][1:]))


def estimate(
  values: np.ndarray, form: str = '{:.2f}', scale: float = 1.0, unit: str = ''
) -> str:
  """Mean and 95 % interval over seeds, such as '0.51 (0.48 to 0.54)'."""
  if missing := int(np.sum(~np.isfinite(values))):
    return f'{missing} of {len(values)} diverged'
  return tables.interval(of_mean(values), form, unit, scale)


def percent(values: np.ndarray) -> str:
  """The same of shares: '97.10 % (96.90 to 97.30)'.

  Where Student's interval leaves 0 to 100 %, as of seeds of which some fail, the least
  and the most instead.
  """
  found = of_mean(values)
  if found.low < 0 or found.high > 1:
    low, high = 100 * values.min(), 100 * values.max()
    return f'{100 * found.mean:.2f} % (seeds {low:.2f} to {high:.2f})'
  return estimate(values, scale=100, unit=' %')


def panels(number: int, width: float = 3.8, **options: Any) -> tuple[Any, np.ndarray]:
  """A figure with so many axes side by side, with grids."""
  figure, axes = plt.subplots(
    1, number, figsize=(width * number, 3.6), layout='constrained', squeeze=False,
    **options,
  )  # fmt: skip
  for one in axes[0]:
    one.grid(alpha=0.3)
  return figure, axes[0]


def save(figure: Any, results: Results, name: str, runs: list[Run], *pages: Any) -> str:
  """Writes the PNG; returns what a page shows it by."""
  figures.save(figure, results.folder / f'{name}.png', runs, *pages)
  return f'![{name.replace("_", " ").capitalize()}]({name}.png)'
