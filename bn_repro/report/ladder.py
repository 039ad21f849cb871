"""Annealed runs of several lengths: how many times fewer steps for one accuracy.

Does not know how the runs were trained.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from bn_repro.report import effects
from bn_repro.report.effects import Effect
from bn_repro.report.intervals import Spread, pooled_deviation


def ratio_of_lengths(
  baseline: Sequence[float], ladder: Mapping[int, Sequence[float]], steps: int
) -> Effect | None:
  """How many times fewer steps a network needs for the accuracy of the baseline.

  Accuracy at the end of annealed runs is taken to rise linearly in the logarithm of
  their length, between the two lengths whose accuracies lie around the baseline's;
  beyond the longest runs it goes on as between the two longest. None where it does not
  rise. Where the shortest runs end above the baseline the ratio is at least that of the
  lengths: a curve flattens, so that going on downwards would give too large a ratio.

  Args:
    baseline: `[seeds]`, its accuracy at the end of its longest runs, 0 to 1.
    ladder: of the network `[seeds]` by length in steps, two lengths at least.
    steps: the length of the baseline's runs.
  """
  lengths, target = sorted(ladder), float(np.mean(baseline))
  means = [float(np.mean(ladder[length])) for length in lengths]
  if target < means[0]:
    least = steps / lengths[0]
    return effects.between(math.inf, least, math.inf, 'bound')
  upper = next((i for i in range(1, len(means)) if means[i] >= target), len(means) - 1)
  (short, low), (long, high) = [*zip(lengths, means)][upper - 1 : upper + 1]
  if high <= low:
    return None
  slope = (high - low) / math.log(long / short)
  missing = target - high
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
  return effects.exponential(
    effects.of_estimate(log_ratio, Spread(error, spread.freedom))
  )
