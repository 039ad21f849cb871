"""Section 4.2 by stage 2b of the protocol: the speed-up with both sides tuned.

Inception, BN alone and the recipe of BN-x5, each at its own best learning rate, and
sigmoids at that of the recipe, in annealed runs of several lengths. What they say is
printed beside claims 9, 10, 12, 13 and 23, which the paper's own learning rates decide.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from bn_repro.paper import ledger, stages
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper.ledger import Claim, Evidence, Finding
from bn_repro.paper.section_4_2_figure_3 import HIGHER
from bn_repro.paper.section_4_2_networks import PLAIN, rate_of
from bn_repro.paper.section_4_2_stage_2a import (
  RECIPE,
  TITLES,
  Ladders,
  fails,
  ladders,
)
from bn_repro.report import effects, pages, seeds
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect
from bn_repro.report.figures import draw_intervals, panels, save
from bn_repro.report.intervals import Spread, pooled_deviation
from bn_repro.report.ladder import ratio_of_lengths
from bn_repro.report.tables import rounded

STAGE = 'stage2_ladder'
SIGMOIDS, ALONE = 'bn_x5_sigmoid', 'bn_baseline'
# By claim: the network, what it is compared with, and how.
TUNED = {
  '9': (ALONE, PLAIN, 'speed-up'), '10': (RECIPE, PLAIN, 'speed-up'),
  '12a': (RECIPE, PLAIN, 'accuracy'), '12b': (RECIPE, PLAIN, 'speed-up'),
  '13a': (SIGMOIDS, PLAIN, 'accuracy'), '13b': (SIGMOIDS, RECIPE, 'accuracy'),
  '23': (RECIPE, ALONE, 'speed-up'),
}  # fmt: skip
NOT_ESTIMATED = 'not estimated'
A_SEED_FAILS = ' (a seed fails)'


class Comparison(NamedTuple):
  """Accuracies at the end, 0 to 1, by network and length in steps.

  Attributes:
    ladders: of all runs.
    spread: of a run, pooled over networks and lengths of which no seed fails. One that
      fails says nothing of how far those that train lie apart.
    failing: networks and lengths of which a seed fails. The mean of runs that train and
      runs that do not is no accuracy to compare.
  """

  ladders: Ladders
  spread: Spread
  failing: frozenset[tuple[str, int]]

  def speed_up(
    self, name: str, baseline: str = PLAIN, higher: float = 0.0
  ) -> Effect | None:
    """Steps of the baseline's longest runs over those to their accuracy, or `higher`.

    `higher` is a share, 0 to 1. None where accuracy does not rise with the length, or
    where one of these runs fails.
    """
    steps, accuracies = max(self.ladders[baseline].items())
    ladder = self.ladders[name]
    if self.failing & {(baseline, steps), *((name, length) for length in ladder)}:
      return None
    target = [accuracy + higher for accuracy in accuracies]
    return ratio_of_lengths(target, steps, ladder, self.spread)

  def difference(self, name: str, other: str) -> tuple[Effect | None, int]:
    """Accuracy less that of another, in points, at the longest length of both.

    None where one of these runs fails.
    """
    length = max(set(self.ladders[name]) & set(self.ladders[other]))
    if self.failing & {(name, length), (other, length)}:
      return None, length
    groups = self.ladders[name][length], self.ladders[other][length]
    return effects.points_between(*groups, self.spread), length

  def means(self, name: str) -> str:
    """Mean accuracy of a network after each length, and where a seed fails."""
    return ', '.join(
      f'{rounded(np.mean(values))} after {length:,}'
      + A_SEED_FAILS * ((name, length) in self.failing)
      for length, values in self.ladders[name].items()
    )

  def with_interval(self, name: str, length: int) -> Effect:
    """The same of one length; without an interval where a seed fails."""
    values = self.ladders[name][length]
    if (name, length) in self.failing:
      return effects.without_interval(float(np.mean(values)))
    return effects.contrast([(1, values)], self.spread)


def compare(runs: list[Run]) -> Comparison:
  """The runs of this stage."""
  by_length = ladders(runs, _length_of)
  failing = frozenset(
    (run.config['network'], _length_of(run)) for run in runs if fails(run)
  )
  train = (
    values
    for name, of_one in by_length.items()
    for length, values in of_one.items()
    if (name, length) not in failing
  )
  return Comparison(by_length, pooled_deviation(train), failing)


def _length_of(run: Run) -> int:
  return int(run.config['train_for'].split()[0])


def tuned_speed_ups(runs: list[Run]) -> dict[str, Effect | None]:
  """Over Inception, of each network with runs of several lengths; {} without runs."""
  if not runs:
    return {}
  compared = compare(runs)
  several = [name for name, of_one in compared.ladders.items() if len(of_one) > 1]
  return {name: compared.speed_up(name) for name in several if name != PLAIN}


def section(runs: list[Run], results: Path) -> str:
  """The text on this stage, of all of its runs; draws the figure."""
  compared, ratios = compare(runs), tuned_speed_ups(runs)
  rates = {run.config['network']: rate_of(run) for run in runs}
  _figure(compared, results / 'ladder.png', runs)
  columns = {
    'learning rate': lambda name: f'{rates[name]:g}',
    'accuracy at the end': compared.means,
    'speed-up over Inception': lambda n: _text(ratios[n]) if n in ratios else '',
  }
  return pages.render(
    'section_4_2_stage_2b', longest=max(compared.ladders[PLAIN]),
    table=seeds.table('network', {TITLES[name]: name for name in rates}, columns),
    alone=_text(compared.speed_up(RECIPE, ALONE)),
  )  # fmt: skip


def _text(effect: Effect | None, unit: str = '', form: str = '{:.2f}') -> str:
  return effect.text(form, unit) if effect else NOT_ESTIMATED


def tuned(claim: Claim, evidence: Evidence) -> str:
  """What stage 2b adds to a claim: the same with both sides tuned; '' without it.

  With the verdict that the margin of the claim would give. It is outside Holm's family.
  """
  if claim.key not in TUNED or not (runs := stages.whole(evidence, STAGE)):
    return ''
  compared, (name, other, kind) = compare(runs), TUNED[claim.key]
  if kind == 'accuracy':
    effect, length = compared.difference(name, other)
    what = f'after {length:,} steps {_text(effect, " points", "{:+.1f}")}'
  else:
    effect = compared.speed_up(name, other, HIGHER if claim.key == '12b' else 0.0)
    what = _text(effect, ' times as fast')
  verdict = (
    ledger.verdict(claim, Finding(effect, 0, '', '')) if effect else 'no verdict'
  )
  return (
    f'; with both sides tuned {TITLES[name]} against {TITLES[other]}: {what}, '
    f'{verdict} by the same margin'
  )


def _figure(compared: Comparison, path: Path, runs: list[Run]) -> None:
  figure, (axes,) = panels(1, 7, 4.2)
  for name, of_one in compared.ladders.items():
    means = [compared.with_interval(name, length) for length in of_one]
    style = {'label': TITLES[name], 'color': family.COLOURS[name]}
    draw_intervals(axes, of_one, means, ms=4, capsize=3, **style)
  lengths = sorted(
    {length for of_one in compared.ladders.values() for length in of_one}
  )
  axes.set(xscale='log', xlabel='length of the run (steps)',
           ylabel='validation accuracy at the end')  # fmt: skip
  axes.set_xticks(lengths, [f'{length:,}' for length in lengths])
  axes.minorticks_off()
  axes.set_title(f'{family.title(runs[0])}, both sides tuned')
  axes.legend(fontsize=8)
  save(figure, path, runs)
