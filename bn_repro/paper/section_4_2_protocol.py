"""Section 4.2 by results/inception/protocol.md: its runs, and what whole stages say.

A stage is analysed when all of its runs are there, and not before: half a stage is
counted, and gives no estimate. Stage 1 adds seeds to the networks of figure 3, which
`section_4_2_comparison` compares.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bn_repro.paper.section_4_2_networks import NAMES, PLAIN, is_at_chance
from bn_repro.report import commands, effects, learning_curve, pages, tables
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect
from bn_repro.report.intervals import Spread, pooled_deviation
from bn_repro.report.tables import rounded
from bn_repro.run import config as config_lib

STAGES = {
  'stage1_networks': '1: the networks of figure 3 to three seeds',
  'stage2_rates': '2a: the best learning rate of each side',
  'stage2_ladder': '2b: both sides at their best learning rate',
  'stage3_pilot': '3, pilot: the weight of the L2 penalty',
  'stage3_changes': '3: the seven changes in 32 runs',
  'stage4_controls': '4: initial weights and sigmoids without BN',
}


def section(sweeps: dict[str, list[Run]]) -> str:
  """The text; '' before the first run of any stage."""
  if not any(sweeps.get(stage) for stage in STAGES):
    return ''
  numbers = {stage: len(sweeps.get(stage, [])) for stage in STAGES}
  rows = [
    [title, f'{numbers[stage]} of {number_of_runs(stage)}']
    for stage, title in STAGES.items()
  ]
  estimates = {
    STAGES[stage]: write(sweeps[stage])
    for stage, write in WRITERS.items()
    if numbers[stage] == number_of_runs(stage)
  }
  return pages.render(
    'section_4_2_protocol',
    table=tables.markdown(('stage', 'runs'), rows), estimates=estimates,
  )  # fmt: skip


def number_of_runs(stage: str) -> int:
  """How many runs a stage asks for."""
  path = config_lib.PROJECT / commands.inception_sweep(stage)
  return len(config_lib.execute(path).get_runs())


def accuracy(run: Run) -> float:
  """Of the averaged weights over the last tenth, 0 to 1; without them, of the last."""
  column = 'test_accuracy_polyak'
  curve = run.curves.get(column, run.curves['test_accuracy'])
  return learning_curve.final_accuracy(run.curves['step'], curve)


def _rates(runs: list[Run]) -> str:
  rows = []
  for (network,), group in tables.group_by(runs, 'network').items():
    rates = [run.config['learning_rate'] for run in group]
    best = best_rate(rates, [accuracy(run) for run in group])
    text = 'none among those tried'
    if not np.isnan(best.rate):
      text = f'{best.rate:.3g} ({best.low:.3g} to {best.high:.3g})'
    rows.append([NAMES[network], text, rounded(best.accuracy)])
  return tables.markdown(('network', 'best learning rate', 'accuracy there'), rows)


def _ladder(runs: list[Run]) -> str:
  ladders: dict[str, dict[int, list[float]]] = {}
  for (network, steps), group in tables.group_by(runs, 'network', 'train_for').items():
    length = int(steps.split()[0])
    ladders.setdefault(network, {})[length] = [accuracy(run) for run in group]
  plain = ladders[PLAIN]
  longest = max(plain)
  rows = []
  for network, ladder in ladders.items():
    means = ', '.join(f'{rounded(np.mean(v))} after {n:,}' for n, v in ladder.items())
    effect = None
    if network != PLAIN and len(ladder) > 1:
      effect = ladder_speed_up(plain[longest], ladder, longest)
    rows.append([NAMES[network], means, effect.text('{:.2f}') if effect else ''])
  return tables.markdown(('network', 'accuracy', 'speed-up over Inception'), rows)


def _pilot(runs: list[Run]) -> str:
  rows = [
    [f'{weight:g}', tables.percent(tables.over(group, accuracy))]
    for (weight,), group in tables.group_by(runs, 'l2').items()
  ]
  return tables.markdown(('weight of the L2 penalty', 'accuracy'), rows)


def _changes(runs: list[Run]) -> str:
  levels = [levels_of(run.name) for run in runs]
  values = np.array([100 * accuracy(run) for run in runs])
  design = factorial(levels, values)
  rows = [[factor, design.effect(factor).text('{:+.2f}')] for factor in design.main]
  strong = sorted(design.interactions.items(), key=lambda item: -abs(item[1]))[:3]
  largest = ', '.join(f'{name} {value:+.2f}' for name, value in strong)
  table = tables.markdown(('factor', 'points, high level less low'), rows)
  return f'{table}\n\nThe largest interactions: {largest} points.'


def levels_of(name: str) -> dict[str, int]:
  """Of a run of stage 3, such as 'A+B-': {'A': 1, 'B': -1}."""
  return {
    factor: 1 if sign == '+' else -1 for factor, sign in zip(name[::2], name[1::2])
  }


def _controls(runs: list[Run]) -> str:
  rows = [
    [run.name, rounded(float(np.nanmax(run.curves['test_accuracy']))), _outcome(run)]
    for run in sorted(runs, key=lambda run: run.name)
  ]
  return tables.markdown(('run', 'highest accuracy', 'outcome'), rows)


def _outcome(run: Run) -> str:
  if run.summary['diverged']:
    first, last = run.summary['diverged_between_steps']
    return f'diverges between steps {first:,} and {last:,}'
  return 'stays at chance' if is_at_chance(run) else 'trains'


WRITERS = {
  'stage2_rates': _rates,
  'stage2_ladder': _ladder,
  'stage3_pilot': _pilot,
  'stage3_changes': _changes,
  'stage4_controls': _controls,
}


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
    return effects.of_estimate(self.main[factor], self.spread)


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
  around = effects.of_estimate(vertex, Spread(error, freedom))
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
  return effects.exponential(
    effects.of_estimate(log_ratio, Spread(error, spread.freedom))
  )
