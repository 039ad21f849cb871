"""What the stages of protocol.md say, as far as they have been run.

A stage is analysed when all of its runs are there, and not before: half a stage is
counted, and gives no estimate. Stage 1 adds seeds to the networks of figure 3, which
`comparison` compares. Knows no file.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bn_repro.report import effects
from bn_repro.report.effects import Effect
from bn_repro.report.intervals import Spread, pooled_deviation


class Factorial(NamedTuple):
  """The effects of a two-level design.

  Attributes:
    main: the mean at the high level less that at the low one, by factor.
    interactions: of two factors, such as 'AB'; aliased ones share a name, 'CE=FG'.
    spread: of a contrast of which nothing is true, by Lenth's (1989) method.
  """

  main: dict[str, float]
  interactions: dict[str, float]
  spread: Spread

  def effect(self, factor: str) -> Effect:
    """Of a factor, with its interval."""
    return effects.contrast([(1.0, [self.main[factor]])], self.spread)


def factorial(levels: Sequence[Mapping[str, int]], values: np.ndarray) -> Factorial:
  """Main effects and interactions of two factors, from all runs of a design.

  Args:
    levels: -1 or 1 of each factor, by run.
    values: `[runs]`, what was measured.
  """
  factors = list(levels[0])
  columns = {name: np.array([run[name] for run in levels]) for name in factors}
  main = {name: _contrast(column, values) for name, column in columns.items()}
  groups: dict[tuple, list[str]] = {}
  for first, second in itertools.combinations(factors, 2):
    product = columns[first] * columns[second]
    groups.setdefault(tuple(product * product[0]), []).append(first + second)
  interactions = {
    '='.join(names): _contrast(columns[names[0][0]] * columns[names[0][1]], values)
    for names in groups.values()
  }
  return Factorial(main, interactions, lenth([*main.values(), *interactions.values()]))


def _contrast(column: np.ndarray, values: np.ndarray) -> float:
  return float(values[column > 0].mean() - values[column < 0].mean())


def lenth(contrasts: Sequence[float]) -> Spread:
  """The pseudo standard error of contrasts most of which are nothing, and its freedom.

  1.5 times the median of the absolute contrasts, of those below 2.5 times a first such
  estimate; a third of their number as degrees of freedom (Lenth, 1989).
  """
  sizes = np.abs(contrasts)
  first = 1.5 * np.median(sizes)
  error = 1.5 * np.median(sizes[sizes <= 2.5 * first])
  return Spread(float(error), max(1, len(sizes) // 3))


class BestRate(NamedTuple):
  """The vertex of accuracy against the logarithm of the learning rate.

  Attributes:
    rate: the learning rate; NaN where accuracy has no maximum in between.
    low, high: its 95 % interval.
    accuracy: there, 0 to 1.
  """

  rate: float
  low: float
  high: float
  accuracy: float


def best_rate(rates: Sequence[float], accuracies: Sequence[float]) -> BestRate:
  """By least squares of a parabola.

  Args:
    rates: `[runs]`, learning rates.
    accuracies: `[runs]`, 0 to 1.
  """
  x = np.log(rates)
  design = np.stack([np.ones_like(x), x, x * x], axis=1)
  (constant, slope, bend), residual, *_ = np.linalg.lstsq(
    design, accuracies, rcond=None
  )
  vertex = -slope / (2 * bend) if bend < 0 else math.nan
  if not x.min() <= vertex <= x.max():
    return BestRate(math.nan, math.nan, math.nan, float(max(accuracies)))
  freedom = len(x) - 3
  variance = float(residual[0]) / freedom
  covariance = variance * np.linalg.inv(design.T @ design)
  gradient = np.array([0.0, -1 / (2 * bend), slope / (2 * bend**2)])
  error = math.sqrt(gradient @ covariance @ gradient)
  around = effects.contrast([(1.0, [vertex])], Spread(error, freedom))
  peak = constant + slope * vertex + bend * vertex**2
  return BestRate(*np.exp([vertex, around.low, around.high]), float(peak))


def ladder_speed_up(
  baseline: Sequence[float], ladder: Mapping[int, Sequence[float]], steps: int
) -> Effect | None:
  """How many times fewer steps a network needs for the accuracy of the baseline.

  Accuracy at the end of annealed runs is taken to rise linearly in the logarithm of
  their length, between and beyond the two longest runs.

  Args:
    baseline: `[seeds]`, its accuracy at the end of its longest runs, 0 to 1.
    ladder: of the network `[seeds]` by length in steps, two lengths at least.
    steps: the length of the baseline's runs.

  Returns:
    None where longer runs of the network are no better.
  """
  short, long = sorted(ladder)[-2:]
  low, high = (float(np.mean(ladder[length])) for length in (short, long))
  if high <= low:
    return None
  slope = (high - low) / math.log(long / short)
  missing = float(np.mean(baseline)) - high
  log_ratio = math.log(steps / long) - missing / slope
  spread = pooled_deviation([baseline, ladder[short], ladder[long]])
  # By the delta method; d(missing / slope) with both ends of the ladder uncertain.
  share = missing / (high - low)
  variance = (
    1 / len(baseline)
    + (1 + share) ** 2 / len(ladder[long])
    + share**2 / len(ladder[short])
  )
  error = spread.deviation * math.sqrt(variance) / slope
  log_effect = effects.contrast([(1.0, [log_ratio])], Spread(error, spread.freedom))
  return effects.exponential(log_effect)
