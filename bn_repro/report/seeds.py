"""Runs that differ in their seeds: groups, and tables of numbers with intervals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from bn_repro.report import collect, effects, tables
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect
from bn_repro.report.intervals import of_mean

Group = TypeVar('Group')


def by_variant(
  runs: Iterable[Run], titles: Mapping[str, str] | None = None
) -> dict[str, list[Run]]:
  """Runs by the part of their names before '_seed', in the order of their seeds.

  With titles only the variants that have one, under it, in the order of the titles.
  """
  groups: dict[str, list[Run]] = {}
  for run in sorted(runs, key=lambda run: run.config['seed']):
    groups.setdefault(collect.variant(run.name), []).append(run)
  if titles is None:
    return groups
  return {title: groups[name] for name, title in titles.items() if name in groups}


def split(runs: list[Run], separator: str) -> dict[tuple[str, str], list[Run]]:
  """Runs by both parts of their variant, such as 'baseline' and '0.1' at '_rate'."""
  variants = by_variant(runs).items()
  return {tuple(variant.split(separator)): group for variant, group in variants}


def by_number(runs: list[Run], separator: str) -> dict[str, dict[float, list[Run]]]:
  """The same by the first part, and in it by the second, smallest first."""
  groups: dict[str, dict[float, list[Run]]] = {}
  parts = split(runs, separator)
  for name, number in sorted(parts, key=lambda part: float(part[1])):
    groups.setdefault(name, {})[float(number)] = parts[name, number]
  return groups


def aligned(
  curves: Sequence[tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
  """Curves of several runs at the same steps: `[steps]` and values `[runs, steps]`.

  The steps are those of the run with the fewest evaluations, as far as all runs go; in
  between a curve is taken to be straight.
  """
  first = max(steps[0] for steps, _ in curves)
  last = min(steps[-1] for steps, _ in curves)
  at = min((steps for steps, _ in curves), key=len)
  at = at[(first <= at) & (at <= last)]
  return at, np.stack([np.interp(at, *curve) for curve in curves])


def table(
  names: str | Sequence[str], groups: Mapping[Any, Group],
  columns: Mapping[str, Callable[[Group], str]],
) -> str:  # fmt: skip
  """A row for each group: its name, then what each column says of it.

  `names` heads the first column, or several where the name of a group is a tuple.
  """
  several = lambda name: (name,) if isinstance(name, str) else name
  rows = [
    (*several(name), *(column(group) for column in columns.values()))
    for name, group in groups.items()
  ]
  return tables.markdown((*several(names), *columns), rows)


def number(runs: list[Run]) -> str:
  """How many seeds there are; a column of `table`."""
  return str(len(runs))


def final_accuracy(runs: list[Run]) -> str:
  """Test accuracy at the end, in percent; a column of `table`."""
  return percent(final(runs))


def final_gap(runs: list[Run]) -> str:
  """Training less test accuracy at the end, in points; a column of `table`."""
  return estimate(gaps(runs), scale=100)


def steps_to(accuracy: float) -> Callable[[list[Run]], str]:
  """Steps to a test accuracy, 0 to 1; a column of `table`."""
  return lambda runs: tables.steps(
    tables.over(runs, lambda run: run.steps_to(accuracy))
  )


def final(runs: list[Run], column: str = 'test_accuracy') -> np.ndarray:
  """The last value of a column, `[seeds]`; NaN of a run that diverged."""
  return tables.over(runs, lambda run: run.at_end(column))


def gain(runs: list[Run], others: list[Run]) -> Effect:
  """Final accuracy of some runs less that of others, in points, by seed."""
  return effects.of_values(100 * (final(runs) - final(others)))


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
    return f'{missing} of {len(values)} diverged or without a value'
  return tables.interval(of_mean(values), form, unit, scale)


def percent(values: np.ndarray) -> str:
  """The same of shares: '97.10 % (96.90 to 97.30)'.

  Where Student's interval leaves 0 to 100 %, as of seeds of which some fail, the least
  and the most instead.
  """
  mean, low, high = of_mean(values)
  if low < 0 or high > 1:
    low, high = 100 * values.min(), 100 * values.max()
    return f'{100 * mean:.2f} % (seeds {low:.2f} to {high:.2f})'
  return estimate(values, scale=100, unit=' %')
