"""Annealed runs of several lengths: how many times fewer steps for one accuracy."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from bn_repro.report import effects
from bn_repro.report.effects import Effect
from bn_repro.report.intervals import Spread


def ratio_of_lengths(
  target: Sequence[float], steps: int, ladder: Mapping[int, Sequence[float]],
  spread: Spread,
) -> Effect | None:  # fmt: skip
  """How many times fewer steps a network needs for the accuracy of a baseline.

  Accuracy at the end of annealed runs is taken to rise linearly in the logarithm of
  their length, between the two lengths whose accuracies lie around the baseline's. The
  baseline below the shortest runs, or above the longest, gives a bound: a curve
  flattens, and a line that is continued would favour the network. The bound is that of
  the lengths or, if that is weaker, the end of the interval of the continued line. None
  where accuracy does not rise between the two lengths.

  Args:
    target: `[seeds]`, accuracy of the baseline's runs, 0 to 1.
    steps: the length of these runs.
    ladder: of the network `[seeds]` by length in steps, two lengths at least.
    spread: the standard deviation of a run's accuracy.
  """
  lengths, accuracy = sorted(ladder), float(np.mean(target))
  means = [float(np.mean(ladder[length])) for length in lengths]
  above = sum(mean < accuracy for mean in means)  # the first length that gets there
  pair = [min(max(above, 1), len(means) - 1) + i for i in (-1, 0)]
  short, long = (lengths[i] for i in pair)
  if means[pair[1]] <= means[pair[0]]:
    return None
  inner = _between(target, steps, {n: ladder[n] for n in (short, long)}, spread)
  if above == 0:
    least = min(steps / lengths[0], inner.low)
    return effects.between(math.inf, least, math.inf, 'bound')
  if above == len(means):
    return effects.between(0.0, 0.0, max(steps / lengths[-1], inner.high), 'bound')
  return inner


def _between(
  target: Sequence[float], steps: int, pair: Mapping[int, Sequence[float]],
  spread: Spread,
) -> Effect:  # fmt: skip
  """The ratio by the line through two lengths, shorter first; by the delta method."""
  (short, of_short), (long, of_long) = pair.items()
  rise = float(np.mean(of_long) - np.mean(of_short))
  missing = float(np.mean(target) - np.mean(of_long))
  slope = rise / math.log(long / short)
  log_ratio = math.log(steps / long) - missing / slope
  # d(missing / slope), with both ends of the line uncertain.
  share = missing / rise
  variance = (
    1 / len(target) + (1 + share) ** 2 / len(of_long) + share**2 / len(of_short)
  )
  error = spread.deviation * math.sqrt(variance) / slope
  return effects.exponential(
    effects.of_estimate(log_ratio, Spread(error, spread.freedom))
  )
