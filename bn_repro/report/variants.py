"""Variants of a sweep side by side: split by their names, drawn, compared by seed."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bn_repro.report import effects, figures, seeds
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect


def split(runs: list[Run], separator: str) -> dict[tuple[str, str], list[Run]]:
  """Runs by both parts of their variant, such as 'baseline' and '0.1' at '_rate'."""
  variants = seeds.by_variant(runs).items()
  return {tuple(variant.split(separator)): group for variant, group in variants}


def by_number(runs: list[Run], separator: str) -> dict[str, dict[float, list[Run]]]:
  """The same by the first part, and in it by the second, smallest first."""
  groups: dict[str, dict[float, list[Run]]] = {}
  parts = split(runs, separator)
  for name, number in sorted(parts, key=lambda part: float(part[1])):
    groups.setdefault(name, {})[float(number)] = parts[name, number]
  return groups


def draw(
  axes: Any, groups: Mapping[Any, list[Run]],
  column: str | Callable[[Run], np.ndarray] = 'test_accuracy',
  style: Callable[[Any], dict[str, Any]] = lambda name: {}, **settings: Any,
) -> None:  # fmt: skip
  """A curve of `figures.draw` for each group.

  Args:
    axes: of Matplotlib.
    groups: by their labels.
    column: as in `figures.draw`.
    style: of a curve, from the name of its group.
    settings: of the axes.
  """
  for name, group in groups.items():
    figures.draw(axes, group, column, **{'label': name} | style(name))
  axes.set(**{'xlabel': 'training steps'} | settings)


def gain(runs: list[Run], others: list[Run]) -> Effect:
  """Final accuracy of some runs less that of others, in points, by seed."""
  return effects.of_values(100 * (seeds.final(runs) - seeds.final(others)))
