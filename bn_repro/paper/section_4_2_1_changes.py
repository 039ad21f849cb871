"""Section 4.2.1: what each of the seven changes does alone (claims 17 to 22).

A change is measured where the others are there (BN-x5 beside BN-x5 without it) and
where they are not (BN-Baseline with it beside BN-Baseline); its effect is the mean of
both. A single run has no spread of its own: the spread is pooled over all settings
that have several seeds. The plain network, in which no change is measured, is excluded.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper.ledger import Evidence, Finding, Measure, Missing
from bn_repro.paper.section_4_2_networks import Networks
from bn_repro.report import effects, pages, tables
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect
from bn_repro.report.figures import draw_intervals, panels, save
from bn_repro.report.intervals import Spread, pooled_deviation
from bn_repro.report.seeds import by_variant
from bn_repro.report.tables import rounded

# By network: the name of its setting, and the word before a change in names of runs.
SETTINGS = {
  'bn_baseline': ('added to BN-Baseline', 'with'),
  'bn_x5': ('taken back from BN-x5', 'without'),
}
BOTH = ''  # stands for the mean of both settings
# Every run of the ablation reaches it within its 20 epochs.
TARGET = 0.4
# By field: our name of a change, and what the paper says of it.
CHANGES = {
  'learning_rate': (
    'five times the learning rate', 'trains faster, with no ill side effects (16)'),
  'model.dropout': (
    'no dropout', 'trains faster, without more overfitting (17)'),
  'l2': (
    'a fifth of the L2 weight', 'validation accuracy rises (18)'),
  'learning_rate_decay_every': (
    'learning rate decays six times as fast',
    'can be done, since training is faster (19)'),
  'model.local_response_normalization': (
    'no LRN', 'is not needed (20)'),
  'shuffling': (
    'thorough shuffling', 'about one point of validation accuracy (21)'),
  'photometric_distortion': (
    'weaker distortions', 'better where each image is seen less often (22)'),
}  # fmt: skip


class Pair(NamedTuple):
  """The runs of one setting with a change and without it."""

  setting: str
  with_it: list[Run]
  without: list[Run]


class Ablation(NamedTuple):
  """The pairs of each change, by its field, and the runs of all settings, by name."""

  pairs: dict[str, list[Pair]]
  groups: Networks

  def accuracy(self, field: str, setting: str = BOTH) -> Effect:
    """What a change gives within the budget, in points of accuracy."""
    return effects.scaled(self._mean(field, setting, comparison.accuracy_until), 100)

  def ratio_of_steps(self, field: str, setting: str = BOTH) -> Effect:
    """Steps to `TARGET` without a change over those with it."""
    less = self._mean(field, setting, lambda run: comparison.log_steps(run, TARGET))
    return effects.exponential(effects.scaled(less, -1))

  def gap(self, field: str, setting: str = BOTH) -> Effect:
    """How much a change widens the gap between training and validation, in points."""
    return effects.scaled(self._mean(field, setting, lambda run: run.gap), 100)

  def _mean(self, field: str, setting: str, value_of: Callable[[Run], float]) -> Effect:
    pairs = [p for p in self.pairs[field] if setting in (BOTH, p.setting)]
    groups = [
      (sign / len(pairs), [*map(value_of, runs)])
      for pair in pairs
      for sign, runs in ((1, pair.with_it), (-1, pair.without))
    ]
    return effects.contrast(groups, self.spread(value_of))

  def spread(self, value_of: Callable[[Run], float]) -> Spread:
    """The standard deviation between seeds, pooled over all settings."""
    seeds = (tables.over(group, value_of) for group in self.groups.values())
    return pooled_deviation(values[np.isfinite(values)] for values in seeds)


def compare(networks: Networks, runs: list[Run]) -> Ablation:
  """Every change in both settings, as far as they were run, within their budget.

  `runs` are those of the ablation; some are further seeds of the networks.
  """
  networks = family.with_other_seeds(networks, runs)
  # The slow decay is itself one of the changes.
  others = (family.PLAIN, family.SLOW_DECAY)
  usual = {name: group for name, group in networks.items() if name not in others}
  changed = {name: group for name, group in by_variant(runs).items() if '_with' in name}
  groups = family.within_budget_of(runs, usual) | changed
  pairs = {field: _pairs(field, groups) for field in CHANGES}
  return Ablation({field: both for field, both in pairs.items() if both}, groups)


def _pairs(field: str, groups: Networks) -> list[Pair]:
  pairs = []
  for network, (setting, preposition) in SETTINGS.items():
    usual = groups.get(network)
    changed = groups.get(f'{network}_{preposition}_{field.split(".")[-1]}')
    if usual and changed:
      both = (changed, usual) if preposition == 'with' else (usual, changed)
      pairs.append(Pair(setting, *both))
  return pairs


def largest_part(ablation: Ablation) -> tuple[str, float, float]:
  """The setting that makes most of the pooled spread of accuracy.

  Its name, its share of the sum of squares, and the standard deviation without it.
  """
  several = {name: runs for name, runs in ablation.groups.items() if len(runs) > 1}
  values = {name: comparison.accuracies(runs) for name, runs in several.items()}
  squares = {name: float(np.var(v)) * len(v) for name, v in values.items()}
  if not sum(squares.values()):
    return '', math.nan, math.nan
  largest = max(squares, key=squares.get)
  rest = pooled_deviation(v for name, v in values.items() if name != largest)
  return largest, squares[largest] / sum(squares.values()), rest.deviation


def section(networks: Networks, runs: list[Run], results: Path) -> str:
  """The text on the runs of the ablation; draws the figure."""
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
  head = ('change', 'the paper', 'setting', 'runs with, without', 'accuracy (points)',
          f'speed-up to {rounded(TARGET, 0)}')  # fmt: skip
  rows = []
  for field, pairs in ablation.pairs.items():
    settings = {p.setting: f'{len(p.with_it)}, {len(p.without)}' for p in pairs}
    if len(pairs) > 1:
      settings[BOTH] = ''
    for setting, runs in settings.items():
      accuracy = ablation.accuracy(field, setting).text('{:+.1f}')
      steps = ablation.ratio_of_steps(field, setting).text('{:.2f}')
      name = setting or '**mean of both**'
      rows.append([*CHANGES[field], name, runs, accuracy, steps])
  return tables.markdown(head, rows)


def missing(ablation: Ablation) -> list[str]:
  """Titles of the changes that were not run in both settings."""
  numbers = {field: len(ablation.pairs.get(field, [])) for field in CHANGES}
  return [CHANGES[field][0] for field, n in numbers.items() if n < len(SETTINGS)]


def _figure(ablation: Ablation, path: Path, runs: list[Run]) -> None:
  figure, (axes,) = panels(1, 8, 4.6)
  fields = [*ablation.pairs][::-1]
  for offset, (setting, _) in zip((-0.2, 0.0, 0.2), [*SETTINGS.values(), (BOTH, '')]):
    rows = {
      row + offset: ablation.accuracy(field, setting)
      for row, field in enumerate(fields)
      if setting in (BOTH, *(pair.setting for pair in ablation.pairs[field]))
    }
    if rows:
      style = {'fmt': 'o' if setting else 'D', 'label': setting or 'mean of both'}
      draw_intervals(axes, rows, rows.values(), sideways=True, capsize=3, **style)
  axes.set_yticks(range(len(fields)), [CHANGES[field][0] for field in fields])
  axes.axvline(0, color='black', lw=1)
  axes.set_xlabel('points of accuracy after 20 epochs, 95 % interval')
  axes.grid(False, axis='y')
  if fields:
    axes.legend(fontsize=8)
  save(figure, path, runs)


def mean_of_both(
  field: str, effect: str = 'accuracy', form: str = '{:+.1f}', unit: str = ' points'
) -> Measure:
  """Claims 17 to 22: `effect`, a method of `Ablation`, as mean of both settings."""

  def measured(evidence: Evidence) -> Finding:
    networks = family.trained(evidence, 'bn_x5', 'bn_baseline')
    ablation = compare(networks, evidence.runs('inception', 'ablation'))
    pairs = ablation.pairs.get(field, [])
    if len(pairs) < len(SETTINGS):
      raise Missing(f'inception/ablation.json with {field} in both settings')
    estimate = getattr(ablation, effect)
    text = lambda setting=BOTH: estimate(field, setting).text(form, unit)
    single = '; '.join(f'{p.setting} {text(p.setting)}' for p in pairs)
    diverged = sum(run.diverged for pair in pairs for run in pair.with_it)
    remark = f'; {diverged} runs with the change diverged' if diverged else ''
    return Finding(
      estimate(field), sum(min(len(p.with_it), len(p.without)) for p in pairs),
      'pairs of runs', f'mean of both settings {text()}; {single}{remark}',
      runs=[run for pair in pairs for run in (*pair.with_it, *pair.without)],
    )  # fmt: skip

  return measured


CLAIMS: dict[str, Measure] = {
  '17a': mean_of_both('model.dropout', 'ratio_of_steps', '{:.2f}', ' times'),
  '17b': mean_of_both('model.dropout', 'gap'),
  '18': mean_of_both('l2'),
  '19': mean_of_both('learning_rate_decay_every'),
  '20': mean_of_both('model.local_response_normalization'),
  '21': mean_of_both('shuffling'),
  '22': mean_of_both('photometric_distortion'),
}
