"""Variants over seeds: their numbers with intervals, their curves with bands."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt
import numpy as np

from bn_repro.intervals import of_mean
from bn_repro.report import tables
from bn_repro.report.collect import Run
from bn_repro.report.figures import save_of_all

ACCURACY = 'test_accuracy'


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
    found.setdefault(run.name.rpartition('_seed')[0], []).append(run)
  return found if names is None else {n: found[n] for n in names if n in found}


def final(runs: list[Run], column: str = ACCURACY) -> np.ndarray:
  """The last value of a column, `[seeds]`; NaN of a run that diverged."""
  return tables.over(
    runs, lambda run: np.nan if run.summary['diverged'] else run.curves[column][-1]
  )


def average(runs: list[Run], column: str) -> np.ndarray:
  """The mean of a column over all evaluations after the first, `[seeds]`."""
  return tables.over(runs, lambda run: np.mean(run.curves[column][1:]))


def estimate(values: np.ndarray, form: str = '{:.2f}', scale: float = 1.0) -> str:
  """Mean and 95 % interval over seeds, such as '0.51 (0.48 to 0.54)'."""
  values = scale * np.asarray(values)
  if not np.isfinite(values).all():
    missing = int(np.sum(~np.isfinite(values)))
    return f'{missing} of {len(values)} diverged'
  mean, low, high = of_mean(values)
  text = form.format(mean)
  return f'{text} ({form.format(low)} to {form.format(high)})' if low == low else text


def percent(values: np.ndarray) -> str:
  """The same of shares: '97.10 % (96.90 to 97.30)'."""
  text = estimate(values, '{:.2f}', 100)
  mean, space, interval = text.partition(' ')
  return text if 'diverged' in text else f'{mean} %{space}{interval}'


def panels(number: int, width: float = 3.8, **options: Any) -> tuple[Any, np.ndarray]:
  """A figure with so many axes side by side, with grids."""
  figure, axes = plt.subplots(
    1, number, figsize=(width * number, 3.6), layout='constrained', squeeze=False,
    **options,
  )  # fmt: skip
  for one in axes[0]:
    one.grid(alpha=0.3)
  return figure, axes[0]


def draw(
  axes: Any, runs: list[Run], column: str | Callable[[Run], np.ndarray], **style: Any
) -> None:
  """The mean over seeds against steps, as far as all go, and a band that spans them.

  Args:
    axes: of Matplotlib.
    runs: of one variant.
    column: of their curves, or what makes `[evaluations]` of a run.
    style: of the line.
  """
  values_of = column if callable(column) else lambda run: run.curves[column]
  shortest = min(len(run.curves['step']) for run in runs)
  values = np.stack([values_of(run)[:shortest] for run in runs])
  steps = runs[0].curves['step'][:shortest]
  (line,) = axes.plot(steps, values.mean(0), **style)
  band = {'color': line.get_color(), 'alpha': 0.2, 'lw': 0}
  axes.fill_between(steps, values.min(0), values.max(0), **band)


def save(figure: Any, results: Results, name: str, runs: list[Run], *pages: Any) -> str:
  """Writes the PNG; returns what a page shows it by."""
  save_of_all(figure, results.folder / f'{name}.png', runs, pages)
  return f'![{name.replace("_", " ").capitalize()}]({name}.png)'
