"""Two-level designs: effects of factors and interactions, with Lenth's error."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from bn_repro.report import effects
from bn_repro.report.effects import Effect
from bn_repro.report.intervals import Spread


class Factorial(NamedTuple):
  """The contrasts of a two-level design: a mean at one level less that at the other.

  Attributes:
    main: high level less low level, by factor.
    interactions: of two factors, such as 'AB'; aliased ones share a name, 'CE=FG'.
    others: those of three factors, aliased with neither.
    spread: the standard error of a contrast, by Lenth's method over all of them.
  """

  main: dict[str, float]
  interactions: dict[str, float]
  others: dict[str, float]
  spread: Spread

  def effect(self, factor: str) -> Effect:
    """Of a factor, with its interval."""
    return effects.of_estimate(self.main[factor], self.spread)

  def contrasts(self) -> dict[str, float]:
    """All of them, by name."""
    return self.main | self.interactions | self.others


def factorial(levels: Sequence[Mapping[str, int]], values: np.ndarray) -> Factorial:
  """Effects of factors, whose `levels` are -1 or 1 by run, on `values`, `[runs]`."""
  columns = {name: np.array([run[name] for run in levels]) for name in levels[0]}
  main, interactions, others = ({} for _ in range(3))
  for names, column in _aliases(columns):
    order = (main, interactions, others)[len(names[0]) - 1]
    order['='.join(names)] = _contrast(column, values)
  spread = lenth([*main.values(), *interactions.values(), *others.values()])
  return Factorial(main, interactions, others, spread)


def _aliases(
  columns: Mapping[str, np.ndarray],
) -> list[tuple[list[str], np.ndarray]]:
  """Products of up to three columns; those that are equal stand together.

  Each under its names with the fewest factors, with the product of the first.
  """
  products: dict[tuple, tuple[list[str], np.ndarray]] = {}
  for size in (1, 2, 3):
    for factors in itertools.combinations(columns, size):
      product = np.prod([columns[factor] for factor in factors], axis=0)
      names, _ = products.setdefault(tuple(product * product[0]), ([], product))
      if not names or len(names[0]) == size:
        names.append(''.join(factors))
  return [*products.values()]


def _contrast(column: np.ndarray, values: np.ndarray) -> float:
  return float(values[column > 0].mean() - values[column < 0].mean())


def lenth(contrasts: Sequence[float]) -> Spread:
  """The pseudo standard error of contrasts, most of them null, and its freedom.

  1.5 times the median of the absolute contrasts, of those below 2.5 times a first such
  estimate; a third of their number as degrees of freedom (Lenth, 1989). Where most are
  exactly 0, as of runs that are all at chance, nothing is known of their error.
  """
  sizes = np.abs(contrasts)
  first = 1.5 * np.median(sizes)
  error = 1.5 * np.median(sizes[sizes <= 2.5 * first])
  return Spread(float(error), max(1, len(sizes) // 3)) if error else Spread(math.nan, 0)


def half_normal(contrasts: Mapping[str, float]) -> list[tuple[str, float, float]]:
  """Name, absolute size and half-normal quantile of each contrast, smallest first.

  Null contrasts lie on a line through the origin whose slope is their standard error
  (Daniel, 1959).
  """
  ordered = sorted(contrasts.items(), key=lambda item: abs(item[1]))
  ranks = (np.arange(len(ordered)) + 0.5) / len(ordered)
  quantiles = stats.halfnorm.ppf(ranks).tolist()
  return [(name, abs(value), q) for (name, value), q in zip(ordered, quantiles)]
