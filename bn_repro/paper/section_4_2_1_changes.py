"""Section 4.2.1: what each of the seven changes does alone (claims 17 to 22).

A change is measured where the others are there (BN-x5 beside BN-x5 without it) and
where they are not (BN-Baseline with it beside BN-Baseline); its effect is the mean of
both. A single run has no spread of its own: the spread is pooled over all settings
that have several seeds. The plain network, in which no change is measured, is excluded.
"""

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np

from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper.ledger import Evidence, Finding, Measure, Missing
from bn_repro.report import effects, pages, tables
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect
from bn_repro.report.figures import save
from bn_repro.report.intervals import Spread, pooled_deviation
from bn_repro.report.seeds import by_variant
from bn_repro.report.tables import rounded

# By network: the name of its setting, and the word before a change in names of runs.
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


class Ablation(NamedTuple):
  """The ablation as far as it was run.

  Attributes:
    pairs: of each change, by its field.
    groups: the runs of every setting, by its name.
  """

  pairs: dict[str, list[Pair]]
  groups: dict[str, list[Run]]

  def accuracy(self, field: str, setting: str = '') -> Effect:
    """What a change gives within the budget, in points of accuracy.

    Args:
      field: of the change.
      setting: one of `SETTINGS`; '' for the mean over those that were run.
    """
    return effects.scaled(self._mean(field, setting, comparison.accuracy_until), 100)

  def speed_up(self, field: str, setting: str = '') -> Effect:
    """Steps to `TARGET` without a change over those with it."""
    less = self._mean(field, setting, _log_steps)
    return effects.exponential(effects.scaled(less, -1))

  def gap(self, field: str, setting: str = '') -> Effect:
    """How much a change widens the gap between training and validation, in points."""
    return effects.scaled(self._mean(field, setting, lambda run: run.gap), 100)

  def _mean(self, field, setting, value_of) -> Effect:
    pairs = [p for p in self.pairs[field] if setting in ('', p.setting)]
    groups = [
      (sign / len(pairs), [value_of(run) for run in runs])
      for pair in pairs
      for sign, runs in ((1, pair.with_it), (-1, pair.without))
    ]
    return effects.contrast(groups, self.spread(value_of))

  def spread(self, value_of: Callable[[Run], float]) -> Spread:
    """The standard deviation between seeds, pooled over all settings."""
    seeds = (tables.over(group, value_of) for group in self.groups.values())
    return pooled_deviation(values[np.isfinite(values)] for values in seeds)


def _log_steps(run: Run) -> float:
  """To the target; infinite where the run does not reach it."""
  crossing = comparison.crossing(run, TARGET)
  return math.inf if crossing.is_censored else math.log(crossing.steps)


def compare(networks: dict[str, list[Run]], runs: list[Run]) -> Ablation:
  """Every change in both settings, as far as they were run, within their budget.

  Args:
    networks: of figure 3, all seeds.
    runs: of the ablation, with other seeds of the networks.
  """
  networks = family.with_other_seeds(networks, runs)
  # The slow decay is itself one of the changes.
  usual = {
    n: r for n, r in networks.items() if n not in (family.PLAIN, family.SLOW_DECAY)
  }
  changed = {name: group for name, group in by_variant(runs).items() if '_with' in name}
  groups = family.within_budget_of(runs, usual) | changed
  pairs = {change.field: _pairs(change, groups) for change in CHANGES}
  return Ablation({field: both for field, both in pairs.items() if both}, groups)


def largest_part(ablation: Ablation) -> tuple[str, float, float]:
  """The setting that makes most of the pooled spread of accuracy.

  Returns:
    Its name, its share of the sum of squares, and the standard deviation without it.
  """
  values = {
    name: np.array([comparison.accuracy_until(run) for run in runs])
    for name, runs in ablation.groups.items()
    if len(runs) > 1
  }
  squares = {name: float(np.sum((v - v.mean()) ** 2)) for name, v in values.items()}
  if not sum(squares.values()):
    return '', math.nan, math.nan
  largest = max(squares, key=squares.get)
  rest = pooled_deviation(v for name, v in values.items() if name != largest)
  return largest, squares[largest] / sum(squares.values()), rest.deviation


def _pairs(change: Change, groups: dict[str, list[Run]]) -> list[Pair]:
  pairs = []
  for network, (setting, preposition) in SETTINGS.items():
    usual = groups.get(network)
    changed = groups.get(f'{network}_{preposition}_{change.field.split(".")[-1]}')
    if usual and changed:
      both = (changed, usual) if preposition == 'with' else (usual, changed)
      pairs.append(Pair(setting, *both))
  return pairs


def section(networks: dict[str, list[Run]], runs: list[Run], results: Path) -> str:
  """Draws the figure and returns the text; '' without runs.

  Args:
    networks: of figure 3, all seeds.
    runs: of the ablation.
    results: the folder of the figure.
  """
  if not runs:
    return ''
  ablation = compare(networks, runs)
  _figure(ablation, results / 'ablation.png', runs)
  largest, share, rest = largest_part(ablation)
  return pages.render(
    'section_4_2_1_changes', budget=runs[0].config['train_for'],
    table=table(ablation), missing=missing(ablation),
    spread=ablation.spread(comparison.accuracy_until),
    largest=largest, share=share, rest=rest,
  )  # fmt: skip


def table(ablation: Ablation) -> str:
  """A row for each change and setting, and one for the mean over both."""
  head = ('change', 'the paper', 'setting', 'runs', 'accuracy (points)',
          f'speed-up to {rounded(TARGET, 0)}')  # fmt: skip
  return tables.markdown(
    head, (row for change in CHANGES for row in _rows(ablation, change))
  )


def _rows(ablation: Ablation, change: Change):
  pairs = ablation.pairs.get(change.field, [])
  settings = [(p.setting, f'{len(p.with_it)}, {len(p.without)}') for p in pairs]
  if len(pairs) > 1:
    settings.append(('', ''))
  for setting, runs in settings:
    accuracy = ablation.accuracy(change.field, setting)
    speed_up = ablation.speed_up(change.field, setting)
    yield [
      change.title, change.claim, setting or '**mean of both**', runs,
      accuracy.text('{:+.1f}'), speed_up.text('{:.2f}'),
    ]  # fmt: skip


def missing(ablation: Ablation) -> list[str]:
  """Titles of the changes that were not run in both settings."""
  pairs = ablation.pairs
  return [c.title for c in CHANGES if len(pairs.get(c.field, [])) < len(SETTINGS)]


def _figure(ablation: Ablation, path: Path, runs: list[Run]) -> None:
  """What each of the seven changes gives, with 95 % intervals."""
  changes = [change for change in CHANGES if change.field in ablation.pairs][::-1]
  settings = {c.field: [p.setting for p in ablation.pairs[c.field]] for c in changes}
  names = dict.fromkeys(itertools.chain(*settings.values()))
  figure, axes = plt.subplots(figsize=(8, 4.6), layout='constrained')
  for offset, name in zip((-0.2, 0.0, 0.2), [*names, '']):
    rows = {
      row + offset: ablation.accuracy(change.field, name)
      for row, change in enumerate(changes)
      if not name or name in settings[change.field]
    }
    values, error = comparison.values_and_errors([*rows.values()])
    axes.errorbar(values, [*rows], xerr=error, capsize=3, fmt='o' if name else 'D',
                  label=name or 'mean of both')  # fmt: skip
  axes.set_yticks(range(len(changes)), [change.title for change in changes])
  axes.axvline(0, color='black', lw=1)
  axes.set_xlabel('points of accuracy after 20 epochs, 95 % interval')
  axes.grid(alpha=0.3, axis='x')
  axes.legend(fontsize=8)
  save(figure, path, runs)


def mean_of_both(field: str, effect: str, form: str, unit: str) -> Measure:
  """Claims 17 to 22: one of the seven changes, mean of both settings.

  Args:
    field: of the change.
    effect: 'accuracy', 'speed_up' or 'gap', a method of `Ablation`.
    form: of a number in the text.
    unit: of the effect in the text.
  """

  def measured(evidence: Evidence) -> Finding:
    networks = family.trained(evidence, 'bn_x5', 'bn_baseline')
    ablation = compare(networks, evidence.runs('inception', 'ablation'))
    pairs = ablation.pairs.get(field, [])
    if len(pairs) < len(SETTINGS):
      raise Missing(f'inception/ablation.json with {field} in both settings')
    estimate = getattr(ablation, effect)
    text = lambda setting='': estimate(field, setting).text(form, unit)
    single = '; '.join(f'{p.setting} {text(p.setting)}' for p in pairs)
    return Finding(
      estimate(field), sum(pair.changed for pair in pairs), 'pairs of runs',
      f'mean of both settings {text()}; {single}{_diverged(pairs)}',
      runs=[run for pair in pairs for run in (*pair.with_it, *pair.without)],
    )  # fmt: skip

  return measured


def _diverged(pairs: list[Pair]) -> str:
  number = sum(run.summary['diverged'] for pair in pairs for run in pair.with_it)
  return f'; {number} runs with the change diverged' if number else ''


_ACCURACY = ('accuracy', '{:+.1f}', ' points')
CLAIMS: dict[str, Measure] = {
  '17a': mean_of_both('model.dropout', 'speed_up', '{:.2f}', ' times'),
  '17b': mean_of_both('model.dropout', 'gap', '{:+.1f}', ' points'),
  '18': mean_of_both('l2', *_ACCURACY),
  '19': mean_of_both('learning_rate_decay_every', *_ACCURACY),
  '20': mean_of_both('model.local_response_normalization', *_ACCURACY),
  '21': mean_of_both('shuffling', *_ACCURACY),
  '22': mean_of_both('photometric_distortion', *_ACCURACY),
}
