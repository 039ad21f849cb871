"""Columns of a benchmark's table from its rounds: medians, ratios within a round."""

import math
import statistics
from collections.abc import Callable, Collection, Iterable, Mapping

from scipy import stats


def column(rounds: Iterable[dict], key: str) -> list:
  """One entry of every round's measurements."""
  return [measurements[key] for measurements in rounds]


def median(rounds: Iterable[dict], key: str) -> float:
  """The median over rounds of one entry of their measurements."""
  return statistics.median(column(rounds, key))


def lines(
  speeds: Mapping[str, list[float]], columns: Callable[[str], dict],
  ours: str = 'ours', bounds: Collection[str] = (),
) -> list[dict]:  # fmt: skip
  """The lines of a table, one for each subject, from its speeds in every round.

  Args:
    columns: from the name of a subject to what its line begins with.
    ours: the subject that all others are compared with.
    bounds: subjects that do less work than ours; the verdict is how near ours comes.
  """
  table = []
  for name, rival in speeds.items():
    ratio = compare(speeds[ours], rival) if name != ours else {}
    if name in bounds:
      ratio['verdict'] = f'ours at {ratio["ratio"]:.0%} of it'
    table.append(columns(name) | ratio)
  return table


def compare(ours: list[float], rival: list[float]) -> dict:
  """The columns of `spread`, of speeds of the same rounds, and a verdict."""
  columns = spread(ours, rival)
  ratio = columns['ratio']
  if len(ours) == 1:
    verdict = 'one round: no verdict'
  elif columns['low'] <= 1 <= columns['high']:
    verdict = 'no difference beyond the spread'
  elif ratio > 1:
    verdict = f'ours is {ratio:.2f} times as fast'
  else:
    verdict = f'ours is slower: {1 / ratio:.2f} times the time'
  return columns | {'verdict': verdict}


def spread(
  ours: list[float], rival: list[float], name: str = 'ratio'
) -> dict[str, float]:
  """Columns: the median of the ratios ours / rival of each round, low and high.

  The last two are the 95 % interval of the median by order statistics, which assumes
  nothing about the shape of the noise; below six rounds, the smallest and largest.
  """
  ratios = [mine / theirs for mine, theirs in zip(ours, rival, strict=True)]
  return {name: statistics.median(ratios), **interval(ratios)}


def interval(values: list[float]) -> dict[str, float]:
  """Columns: low and high of a median over rounds, as of `spread`."""
  exact = stats.quantile_test(values, p=0.5).confidence_interval(0.95)
  if math.isfinite(exact.low) and math.isfinite(exact.high):
    return {'low': float(exact.low), 'high': float(exact.high)}
  return {'low': min(values), 'high': max(values)}
