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

from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper.section_4_2_comparison import of_last_part
from bn_repro.paper.section_4_2_networks import NAMES, PLAIN
from bn_repro.report import effects, pages, seeds, tables
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect
from bn_repro.report.intervals import Spread, pooled_deviation
from bn_repro.report.tables import rounded

STAGES = {
  'stage1_networks': '1: the networks of figure 3 to three seeds',
  'stage1_again': '1b: their first seeds again, under the protocol',
  'stage2_rates': '2a: the best learning rate of each side',
  'stage2_ladder': '2b: both sides at their best learning rate',
  'stage3_pilot': '3, pilot: the weight of the L2 penalty',
  'stage3_changes': '3: the seven changes in 32 runs',
  'stage4_controls': '4: initial weights and sigmoids without BN',
}


def section(sweeps: dict[str, list[Run]]) -> str:
  """The text; '' before the first run of any stage."""
  runs = {stage: sweeps.get(stage, []) for stage in STAGES}
  if not any(runs.values()):
    return ''
  listed = {stage: len(family.runs_listed(stage)) for stage in STAGES}
  rows = [
    [title, f'{len(runs[stage])} of {listed[stage]}'] for stage, title in STAGES.items()
  ]
  estimates = {
    STAGES[stage]: write(runs[stage])
    for stage, write in WRITERS.items()
    if family.is_whole(stage, runs[stage])
  }
  return pages.render(
    'section_4_2_protocol',
    table=tables.markdown(('stage', 'runs'), rows), estimates=estimates,
  )  # fmt: skip


def accuracy(run: Run) -> float:
  """Of the averaged weights over the last tenth, 0 to 1; without them, of the last."""
  curve = run.curves.get('test_accuracy_polyak', run.curves['test_accuracy'])
  return of_last_part(run.curves['step'], curve, is_open=True)


def _rates(runs: list[Run]) -> str:
  best = {}
  for (network,), group in tables.group_by(runs, 'network').items():
    rates = [run.config['learning_rate'] for run in group]
    best[NAMES[network]] = best_rate(rates, [accuracy(run) for run in group])
  text = lambda b: f'{b.rate:.3g} ({b.low:.3g} to {b.high:.3g})'
  columns = {
    'best learning rate':
      lambda b: 'none among those tried' if math.isnan(b.rate) else text(b),
    'accuracy there': lambda b: rounded(b.accuracy),
  }  # fmt: skip
  return seeds.table('network', best, columns)


def _ladder(runs: list[Run]) -> str:
  ladders: dict[str, dict[int, list[float]]] = {}
  for (network, steps), group in tables.group_by(runs, 'network', 'train_for').items():
    length = int(steps.split()[0])
    ladders.setdefault(network, {})[length] = [accuracy(run) for run in group]
  longest, baseline = max(ladders[PLAIN].items())
  rows = []
  for network, ladder in ladders.items():
    means = ', '.join(f'{rounded(np.mean(v))} after {n:,}' for n, v in ladder.items())
    effect = None
    if network != PLAIN and len(ladder) > 1:
      effect = ratio_of_lengths(baseline, ladder, longest)
    rows.append([NAMES[network], means, effect.text('{:.2f}') if effect else ''])
  return tables.markdown(('network', 'accuracy', 'speed-up over Inception'), rows)


def _pilot(runs: list[Run]) -> str:
  weights = {f'{weight:g}': g for (weight,), g in tables.group_by(runs, 'l2').items()}
  columns = {'accuracy': lambda group: tables.percent(tables.over(group, accuracy))}
  return seeds.table('weight of the L2 penalty', weights, columns)


def _changes(runs: list[Run]) -> str:
  design = design_of(runs)
  points = lambda factor: design.effect(factor).text('{:+.2f}')
  columns = {'points, high level less low': points}
  table = seeds.table('factor', {factor: factor for factor in design.main}, columns)
  strong = sorted(design.interactions.items(), key=lambda item: -abs(item[1]))[:3]
  largest = ', '.join(f'{name} {value:+.2f}' for name, value in strong)
  return f'{table}\n\nThe largest interactions: {largest} points.'


def _controls(runs: list[Run]) -> str:
  columns = {
    'highest accuracy': lambda run: rounded(np.nanmax(run.curves['test_accuracy'])),
    'outcome': _outcome,
  }
  return seeds.table('run', {run.name: run for run in sorted(runs)}, columns)


def _outcome(run: Run) -> str:
  if run.summary['diverged']:
    first, last = run.summary['diverged_between_steps']
    return f'diverges between steps {first:,} and {last:,}'
  return 'stays at chance' if family.is_at_chance(run) else 'trains'


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

  `levels` are -1 or 1 of each factor, by run; `values`, `[runs]`, were measured.
  """
  columns = {name: np.array([run[name] for run in levels]) for name in levels[0]}
  main = {name: _contrast(column, values) for name, column in columns.items()}
  products: dict[tuple, list[str]] = {}
  for first, second in itertools.combinations(columns, 2):
    product = columns[first] * columns[second]
    products.setdefault(tuple(product * product[0]), []).append(first + second)
  interactions = {
    '='.join(names): _contrast(columns[names[0][0]] * columns[names[0][1]], values)
    for names in products.values()
  }
  return Factorial(main, interactions, lenth([*main.values(), *interactions.values()]))


def design_of(runs: list[Run]) -> Factorial:
  """What the runs of stage 3 say of each factor, in points of accuracy."""
  # The name of a run has the level of each factor: 'A+B-' is {'A': 1, 'B': -1}.
  levels = [
    {factor: int(f'{sign}1') for factor, sign in zip(run.name[::2], run.name[1::2])}
    for run in runs
  ]
  return factorial(levels, np.array([100 * accuracy(run) for run in runs]))


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
  """A learning rate with its 95 % interval, NaN without one, and the accuracy there."""

  rate: float
  low: float
  high: float
  accuracy: float


def best_rate(rates: Sequence[float], accuracies: Sequence[float]) -> BestRate:
  """The vertex of a parabola of accuracy against the logarithm of the learning rate.

  NaN where it does not lie between the learning rates of the runs.
  """
  x = np.log(rates)
  (bend, slope, constant), covariance = np.polyfit(x, accuracies, 2, cov=True)
  vertex = -slope / (2 * bend) if bend < 0 else math.nan
  if not x.min() <= vertex <= x.max():
    return BestRate(math.nan, math.nan, math.nan, float(max(accuracies)))
  gradient = np.array([slope / (2 * bend**2), -1 / (2 * bend), 0.0])
  error = math.sqrt(gradient @ covariance @ gradient)
  interval = effects.of_estimate(vertex, Spread(error, len(x) - 3))[:3]
  peak = constant + slope * vertex + bend * vertex**2
  return BestRate(*np.exp(interval), float(peak))


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
