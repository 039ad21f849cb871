"""The ablation of section 4.2.1: what each of the seven changes does alone.

A change is measured where the others are there (BN-x5 beside BN-x5 without it) and
where they are not (BN-Baseline with it beside BN-Baseline). A single run has no spread
of its own; it is taken from whatever has several seeds, pooled, but for the plain
network, in which no change is measured and whose seeds differ more.
"""

import math
from typing import NamedTuple

import numpy as np

from bn_repro.intervals import Interval, Spread, difference, pooled_deviation
from bn_repro.report import tables
from bn_repro.report.analysis.seeds import by_variant
from bn_repro.report.collect import Run
from bn_repro.report.inception import runs as family
from bn_repro.report.inception.runs import best

# Of a network: how its setting is called, and what its runs do with a change.
SETTINGS = {
  'bn_baseline': ('to BN-Baseline', 'with'), 'bn_x5': ('among all, BN-x5', 'without'),
}  # fmt: skip
# A loss of less than one point is no harm.
HARMLESS = -0.01


class Change(NamedTuple):
  """One of the seven: its field, our name, what the paper says, and of what kind.

  `kind` is `better` (more accuracy), `faster` (fewer steps) or `harmless`.
  """

  field: str
  title: str
  claim: str
  kind: str


CHANGES = (
  Change('learning_rate', 'five times the learning rate',
         'trains faster, with no ill side effects (16)', 'faster'),
  Change('model.dropout', 'no dropout',
         'trains faster, without more overfitting (17)', 'faster'),
  Change('l2', 'a fifth of the L2 weight', 'validation accuracy rises (18)', 'better'),
  Change('learning_rate_decay_every', 'rate falls six times as fast',
         'can be done, since training is faster (19)', 'harmless'),
  Change('model.local_response_normalization', 'no LRN', 'is not needed (20)',
         'harmless'),
  Change('shuffling', 'thorough shuffling',
         'about one point of validation accuracy (21)', 'better'),
  Change('photometric_distortion', 'weaker distortions',
         'better where each image is seen less often (22)', 'better'),
)  # fmt: skip


class Effect(NamedTuple):
  """What one change does in one setting.

  Attributes:
    accuracy: best accuracy with the change less without, 0 to 1.
    faster: steps to the target without the change over those with it, of the same
      seeds. Where only one side reached it, the other is taken to reach it at its last
      step: a bound. NaN where both missed it with some seed.
    reached: with how many of these seeds the target was reached with the change, with
      how many without, and how many there are.
    runs: how many were made with the change or, from BN-x5, without it.
    harm: how many runs diverged with the change, if none did without.
  """

  change: Change
  setting: str
  accuracy: Interval
  faster: Interval
  reached: tuple[int, int, int] = (1, 1, 1)
  runs: int = 1
  harm: int = 0

  @property
  def title(self) -> str:
    """Our name of the change."""
    return self.change.title

  @property
  def missed(self) -> str:
    """Which side missed the target with some seed: 'with', 'without', both or ''."""
    sides, seeds = zip(('with', 'without'), self.reached[:2]), self.reached[2]
    return ' and '.join(side for side, reached in sides if reached < seeds)

  def verdict(self) -> str:
    """Whether this agrees with what the paper says of the change."""
    if self.harm:
      return 'disagrees'
    if self.change.kind == 'faster':
      return self._verdict_of_steps()
    return _verdict(self.accuracy, 0.0 if self.change.kind == 'better' else HARMLESS)

  def _verdict_of_steps(self) -> str:
    """Fewer steps, and no harm to accuracy; a bound tells on its own side only."""
    by_steps = _verdict(self.faster, 1.0)
    wrong_side = {'with': 'agrees', 'without': 'disagrees'}.get(self.missed)
    both = {by_steps if by_steps != wrong_side else 'cannot be told',
            _verdict(self.accuracy, HARMLESS)}  # fmt: skip
    if 'disagrees' in both:
      return 'disagrees'
    return 'agrees' if both == {'agrees'} else 'cannot be told'


def _verdict(found: Interval, least: float) -> str:
  if found.low > least:
    return 'agrees'
  return 'disagrees' if found.high < least else 'cannot be told'


def effects(networks: dict[str, list[Run]], runs: list[Run]) -> list[Effect]:
  """Every change in both settings, as far as they were run, within their budget.

  What shares no seed with its network and the plain one, which sets the target, is left
  out.

  Args:
    networks: of inception_networks, by network, all seeds.
    runs: of inception_ablation, with other seeds of the networks.
  """
  if not runs:
    return []
  networks = family.within_budget_of(runs, family.with_other_seeds(networks, runs))
  plain = networks.pop(family.PLAIN)
  changed = {name: of for name, of in by_variant(runs).items() if '_with' in name}
  spreads = _spreads([*networks.values(), *changed.values()], plain)
  found = []
  for change in CHANGES:
    for network, (setting, preposition) in SETTINGS.items():
      usual = networks.get(network, [])
      ours = changed.get(f'{network}_{preposition}_{change.field.split(".")[-1]}', [])
      if all(family.of_common_seeds(plain, usual, ours)):
        pair = (ours, usual) if preposition == 'with' else (usual, ours)
        effect = _effect(change, setting, *pair, plain, *spreads)
        found.append(effect._replace(runs=len(ours)))
  return found


def _spreads(groups, plain) -> tuple[Spread, Spread]:
  """Between seeds: of the best accuracy, and of the logarithms of the steps."""
  steps = (family.steps_to_target(plain, runs) for runs in groups)
  return (
    pooled_deviation([*map(best, runs)] for runs in groups),
    pooled_deviation(np.log(of[np.isfinite(of)]) for of in steps),
  )


def _effect(change, setting, with_it, without, plain, of_best, of_steps) -> Effect:
  accuracy = difference([*map(best, with_it)], [*map(best, without)], *of_best)
  steps = _faster(*family.of_common_seeds(with_it, without, plain), of_steps)
  failed, before = (
    sum(run.summary['diverged'] for run in runs) for runs in (with_it, without)
  )
  return Effect(change, setting, accuracy, *steps, harm=0 if before else failed)


def _faster(with_it, without, plain, spread) -> tuple[Interval, tuple[int, int, int]]:
  """A ratio of steps, from differences of their logarithms; and how many reached it."""
  ours, others = (family.steps_to_target(plain, runs) for runs in (with_it, without))
  reached = tuple(int(np.isfinite(steps).sum()) for steps in (ours, others))
  if max(reached) < len(plain):
    return Interval(math.nan, math.nan, math.nan), (*reached, len(plain))
  logs = (
    np.log(np.minimum(steps, [run.curves['step'][-1] for run in runs]))
    for steps, runs in ((others, without), (ours, with_it))
  )
  found = difference(*logs, *spread)
  return Interval(*map(math.exp, found)), (*reached, len(plain))


def table(found: list[Effect]) -> str:
  """A row for each change and setting."""
  head = ('change', 'the paper', 'setting', 'seeds', 'best accuracy',
          'steps to the target', 'verdict')  # fmt: skip
  return tables.markdown(head, (_row(effect) for effect in found))


def _row(effect: Effect) -> list[str]:
  return [
    effect.title, effect.change.claim, effect.setting, str(effect.runs),
    accuracy(effect), times(effect), effect.verdict(),
  ]  # fmt: skip


def accuracy(effect: Effect) -> str:
  """What the change gives, in points: '+1.2 points (-0.3 to +2.7)', and divergences."""
  text = tables.points(effect.accuracy)
  return f'{text}, {effect.harm} diverged' if effect.harm else text


def times(effect: Effect) -> str:
  """Such as '2.10 times fewer (1.40 to 3.20)'; says who did not reach the target."""
  if math.isnan(effect.faster.mean):
    ours, others, seeds = effect.reached
    reached = f'reached by {ours} of {seeds} with it, {others} of {seeds} without'
    return reached if ours or others else 'never reached'
  text = tables.interval(effect.faster, '{:.2f}', ' times fewer')
  bound = {'with': 'at most ', 'without': 'at least '}.get(effect.missed, '')
  return bound + text
