"""Section 4.2 by stage 2b of the protocol: the speed-up with both sides tuned.

Inception, BN alone and the recipe of BN-x5, each at its own best learning rate, in
annealed runs of several lengths. What they say is printed beside claims 9, 10, 12, 13
and 23, which the paper's own learning rates decide.
"""

from pathlib import Path

import numpy as np

from bn_repro.paper import ledger, stages
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper.ledger import Claim, Evidence, Finding
from bn_repro.paper.section_4_2_networks import NAMES, PLAIN
from bn_repro.paper.section_4_2_stage_2a import RECIPE, Ladders, ladders, rate_of
from bn_repro.report import effects, pages, seeds
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect
from bn_repro.report.figures import panels, save
from bn_repro.report.intervals import pooled_deviation
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


def section(runs: list[Run], results: Path) -> str:
  """The text on this stage, '' without its runs; draws the figure."""
  if not runs:
    return ''
  by_length = ladders(runs, _length)
  rates = {run.config['network']: rate_of(run) for run in runs}
  _figure(by_length, results / 'ladder.png', runs)
  means = lambda name: ', '.join(
    f'{rounded(np.mean(values))} after {length:,}'
    for length, values in by_length[name].items()
  )
  columns = {
    'learning rate': lambda name: f'{rates[name]:g}',
    'accuracy at the end': means,
    'speed-up over Inception': lambda name: _text(speed_up(by_length, name)),
  }
  return pages.render(
    'section_4_2_stage_2b', longest=max(by_length[PLAIN]),
    table=seeds.table('network', {NAMES[name]: name for name in by_length}, columns),
    alone=_text(speed_up(by_length, RECIPE, ALONE)),
  )  # fmt: skip


def _length(run: Run) -> int:
  return int(run.config['train_for'].split()[0])


def _text(effect: Effect | None) -> str:
  return effect.text('{:.2f}') if effect else ''


def tuned_speed_ups(runs: list[Run]) -> dict[str, Effect]:
  """Of each network that has one, over Inception; {} without runs."""
  by_length = ladders(runs, _length)
  ratios = {name: speed_up(by_length, name) for name in by_length}
  return {name: ratio for name, ratio in ratios.items() if ratio}


def speed_up(by_length: Ladders, name: str, baseline: str = PLAIN) -> Effect | None:
  """Steps of the baseline's longest runs over those of a network to its accuracy there.

  None of the baseline itself, of a single length, and where accuracy does not rise.
  """
  if name == baseline or len(by_length[name]) < 2:
    return None
  longest, accuracies = max(by_length[baseline].items())
  return ratio_of_lengths(accuracies, by_length[name], longest)


def difference(by_length: Ladders, name: str, other: str) -> tuple[Effect, int]:
  """Accuracy of a network less that of another, in points, and the length of the runs.

  The length is the longest that both have; the spread is pooled over all runs.
  """
  length = max(set(by_length[name]) & set(by_length[other]))
  spread = pooled_deviation(v for of_one in by_length.values() for v in of_one.values())
  groups = by_length[name][length], by_length[other][length]
  return effects.scaled(effects.difference(*groups, spread), 100), length


def tuned(claim: Claim, evidence: Evidence) -> str:
  """What stage 2b adds to a claim: the same with both sides tuned; '' without it.

  With the verdict that the margin of the claim would give. It is outside Holm's family.
  """
  if claim.key not in TUNED or not (runs := stages.whole(evidence, STAGE)):
    return ''
  by_length, (name, other, kind) = ladders(runs, _length), TUNED[claim.key]
  if kind == 'accuracy':
    effect, length = difference(by_length, name, other)
    what = f'{effect.text("{:+.1f}", " points")} after {length:,} steps'
  else:
    effect = speed_up(by_length, name, other)
    if effect is None:
      return ''
    what = effect.text('{:.2f}', ' times as fast')
  verdict = ledger.verdict(claim, Finding(effect, 0, '', ''))
  network = 'the recipe of BN-x5' if name == RECIPE else NAMES[name]
  return (
    f'; each at its own best learning rate {network} against {NAMES[other]}: {what}, '
    f'{verdict} by the same margin'
  )


def _figure(by_length: Ladders, path: Path, runs: list[Run]) -> None:
  """Accuracy at the end against the length of the run, with 95 % intervals."""
  figure, (axes,) = panels(1, 7, 4.2)
  spread = pooled_deviation(v for of_one in by_length.values() for v in of_one.values())
  for name, of_one in by_length.items():
    means = [effects.contrast([(1, values)], spread) for values in of_one.values()]
    axes.errorbar([*of_one], *effects.values_and_errors(means), fmt='o-', ms=4,
                  capsize=3, label=NAMES[name], color=family.COLOURS[name])  # fmt: skip
  lengths = sorted({length for of_one in by_length.values() for length in of_one})
  axes.set(xscale='log', xlabel='length of the run (steps)',
           ylabel='accuracy of the averaged weights at the end')  # fmt: skip
  axes.set_xticks(lengths, [f'{length:,}' for length in lengths])
  axes.minorticks_off()
  axes.set_title(f'{family.title(runs[0])}, each at its best learning rate')
  axes.legend(fontsize=8)
  save(figure, path, runs)
