"""The ablation of section 4.2.1: what each of the seven changes does alone.

A change is measured where the others are there (BN-x5 beside BN-x5 without it) and
where they are not (BN-Baseline with it beside BN-Baseline); its effect is the mean of
both. A single run has no spread of its own: the spread is pooled over all settings
that have several seeds, but for the plain network, in which no change is measured.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper import section_4_2_networks as family
from bn_repro.report import effects, tables
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect
from bn_repro.report.intervals import Spread, pooled_deviation
from bn_repro.report.seeds import by_variant
from bn_repro.report.tables import rounded

# Of a network: how its setting is called, and what its runs do with a change.
SETTINGS = {
  'bn_baseline': ('added to BN-Baseline', 'with'),
  'bn_x5': ('taken back from BN-x5', 'without'),
}
# Every run of the ablation reaches it within its 20 epochs.
TARGET = 0.4


class Change(NamedTuple):
  """One of the seven: its field, our name, and what the paper says of it."""

  field: str
  title: str
  claim: str


CHANGES = (
  Change('learning_rate', 'five times the learning rate',
         'trains faster, with no ill side effects (16)'),
  Change('model.dropout', 'no dropout',
         'trains faster, without more overfitting (17)'),
  Change('l2', 'a fifth of the L2 weight', 'validation accuracy rises (18)'),
  Change('learning_rate_decay_every', 'learning rate decays six times as fast',
         'can be done, since training is faster (19)'),
  Change('model.local_response_normalization', 'no LRN', 'is not needed (20)'),
  Change('shuffling', 'thorough shuffling',
         'about one point of validation accuracy (21)'),
  Change('photometric_distortion', 'weaker distortions',
         'better where each image is seen less often (22)'),
)  # fmt: skip


class Pair(NamedTuple):
  """The runs of one setting with a change and without it."""

  setting: str
  with_it: list[Run]
  without: list[Run]

  @property
  def changed(self) -> int:
    """How many runs there are of the rarer side."""
    return min(len(self.with_it), len(self.without))


class Spreads(NamedTuple):
  """Between seeds: of the accuracy, the log steps and the gap."""

  accuracy: Spread
  log_steps: Spread
  gap: Spread


class Ablation(NamedTuple):
  """The ablation as far as it was run.

  Attributes:
    pairs: of each change, by its field.
    spreads: between seeds, pooled over `groups`.
    groups: the runs of every setting, by its name.
  """

  pairs: dict[str, list[Pair]]
  spreads: Spreads
  groups: dict[str, list[Run]]

  def accuracy(self, field: str, setting: str = '') -> Effect:
    """What a change gives within the budget, in points of accuracy.

    Args:
      field: of the change.
      setting: one of `SETTINGS`; '' for the mean over those that were run.
    """
    effect = self._mean(
      field, setting, comparison.accuracy_until, self.spreads.accuracy
    )
    return effects.scaled(effect, 100)

  def speed_up(self, field: str, setting: str = '') -> Effect:
    """Steps to `TARGET` without a change over those with it."""
    less = self._mean(field, setting, _log_steps, self.spreads.log_steps)
    return effects.exponential(effects.scaled(less, -1))

  def gap(self, field: str, setting: str = '') -> Effect:
    """How much a change widens the gap between training and validation, in points."""
    effect = self._mean(field, setting, lambda run: run.gap, self.spreads.gap)
    return effects.scaled(effect, 100)

  def _mean(self, field, setting, measure, spread) -> Effect:
    pairs = [p for p in self.pairs[field] if setting in ('', p.setting)]
    groups = [
      (sign / len(pairs), [measure(run) for run in runs])
      for pair in pairs
      for sign, runs in ((1, pair.with_it), (-1, pair.without))
    ]
    return effects.contrast(groups, spread)


def _log_steps(run: Run) -> float:
  """To the target; infinite where the run does not reach it."""
  crossing = comparison.crossing(run, TARGET)
  return math.inf if crossing.is_censored else math.log(crossing.steps)


def ablation(networks: dict[str, list[Run]], runs: list[Run]) -> Ablation | None:
  """Every change in both settings, as far as they were run, within their budget.

  Args:
    networks: of inception_networks, by network, all seeds.
    runs: of inception_ablation, with other seeds of the networks.
  """
  if not runs:
    return None
  networks = family.within_budget_of(runs, family.with_other_seeds(networks, runs))
  # The slow decay is one of the changes.
  for name in (family.PLAIN, family.SLOW_DECAY):
    networks.pop(name, None)
  changed = {name: of for name, of in by_variant(runs).items() if '_with' in name}
  pairs = {change.field: _pairs(change, networks, changed) for change in CHANGES}
  groups = networks | changed
  run_pairs = {field: of for field, of in pairs.items() if of}
  return Ablation(run_pairs, _spreads([*groups.values()]), groups)


def largest_part(found: Ablation) -> tuple[str, float, float]:
  """The setting that makes most of the pooled spread of accuracy.

  Returns:
    Its name, its share of the sum of squares, and the standard deviation without it.
  """
  values = {
    name: np.array([comparison.accuracy_until(run) for run in runs])
    for name, runs in found.groups.items()
    if len(runs) > 1
  }
  squares = {name: float(np.sum((v - v.mean()) ** 2)) for name, v in values.items()}
  if not sum(squares.values()):
    return '', math.nan, math.nan
  largest = max(squares, key=squares.get)
  rest = pooled_deviation(v for name, v in values.items() if name != largest)
  return largest, squares[largest] / sum(squares.values()), rest.deviation


def _pairs(change: Change, networks, changed) -> list[Pair]:
  pairs = []
  for network, (setting, preposition) in SETTINGS.items():
    usual = networks.get(network, [])
    ours = changed.get(f'{network}_{preposition}_{change.field.split(".")[-1]}', [])
    if usual and ours:
      both = (ours, usual) if preposition == 'with' else (usual, ours)
      pairs.append(Pair(setting, *both))
  return pairs


def _spreads(groups: Sequence[list[Run]]) -> Spreads:
  def pooled(measure: Callable[[Run], float]) -> Spread:
    values = ([measure(run) for run in group] for group in groups)
    return pooled_deviation([v for v in of if np.isfinite(v)] for of in values)

  return Spreads(
    pooled(comparison.accuracy_until), pooled(_log_steps), pooled(lambda run: run.gap)
  )


def table(found: Ablation) -> str:
  """A row for each change and setting, and one for the mean over both."""
  head = ('change', 'the paper', 'setting', 'runs', 'accuracy (points)',
          f'speed-up to {rounded(TARGET, 0)}')  # fmt: skip
  return tables.markdown(
    head, (row for change in CHANGES for row in _rows(found, change))
  )


def _rows(found: Ablation, change: Change):
  pairs = found.pairs.get(change.field, [])
  settings = [(p.setting, f'{len(p.with_it)}, {len(p.without)}') for p in pairs]
  if len(pairs) > 1:
    settings.append(('**mean of both**', ''))
  for setting, runs in settings:
    name = '' if setting.startswith('**') else setting
    accuracy, speed = (
      measure(change.field, name) for measure in (found.accuracy, found.speed_up)
    )
    yield [
      change.title, change.claim, setting, runs,
      accuracy.text('{:+.1f}'),
      speed.text('{:.2f}'),
    ]  # fmt: skip


def missing(found: Ablation | None) -> list[str]:
  """Titles of the changes that were not run in both settings."""
  pairs = found.pairs if found else {}
  return [c.title for c in CHANGES if len(pairs.get(c.field, [])) < len(SETTINGS)]
