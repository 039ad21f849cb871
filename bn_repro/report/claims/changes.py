"""Claims of sections 4.2.1 and 4.2.2 on rates, sigmoids and the seven changes."""

import math
from collections.abc import Iterable

import numpy as np

from bn_repro.intervals import Interval
from bn_repro.report import commands, tables
from bn_repro.report.claims.figure_3 import networks_of
from bn_repro.report.claims.ledger import (
  SCALED,
  Claim,
  Evidence,
  Finding,
  Missing,
  exactly,
  in_points,
  needed,
)
from bn_repro.report.collect import Run
from bn_repro.report.inception import ablation
from bn_repro.report.inception import runs as family
from bn_repro.report.inception.runs import PLAIN, best
from bn_repro.report.tables import rounded


def sigmoids_alone(evidence: Evidence) -> Finding:
  """Claim 14."""
  runs = _at_other_rates(evidence, 'inception_sigmoid')
  highest, chance = max(map(best, runs)), 1 / runs[0].config['dataset.num_classes']
  diverged = sum(run.summary['diverged'] for run in runs)
  return Finding(
    all(map(family.is_at_chance, runs)), exactly(100 * highest), '%', len(runs), 'runs',
    f'{rounded(highest)} at most; chance is {rounded(chance, 0)}'
    + (f'; {diverged} of {len(runs)} runs diverged' if diverged else ''),
  )  # fmt: skip


def _at_other_rates(evidence: Evidence, network: str) -> list:
  """Its runs in the sweep of learning rates."""
  runs = evidence.runs('inception', 'learning_rates')
  found = {network: [run for run in runs if run.config['network'] == network]}
  (chosen,) = needed(found, network, of='inception/learning_rates.json')
  return chosen


def diverges(evidence: Evidence) -> Finding:
  """Claim 15."""
  usual, *_ = networks_of(evidence)[PLAIN]
  runs = [usual, *_at_other_rates(evidence, PLAIN)]
  rate = 5 * usual.config['learning_rate']
  at_rate = [r for r in runs if math.isclose(r.config['learning_rate'], rate)]
  if not at_rate:
    raise Missing(f'inception/learning_rates.json with {PLAIN} at {rate:g}')
  quick = at_rate[0]
  failing = _rates(run for run in runs if run.summary['diverged'])
  which = f'it diverges at {failing}' if failing else 'no rate diverges'
  if stuck := _rates(filter(family.is_at_chance, runs)):
    which += f'; it stays at chance at {stuck}'
  return Finding(
    quick.summary['diverged'], exactly(5.0), 'times the rate', 1, 'run',
    f'at five times its rate it {_fate(quick)}; of the rates tried, '
    f'{_rates(runs)}, {which}',
  )  # fmt: skip


def _rates(runs: Iterable[Run]) -> str:
  return _listed(sorted(run.config['learning_rate'] for run in runs))


def _listed(numbers) -> str:
  return ', '.join(f'{number:g}' for number in numbers)


def _fate(run: Run) -> str:
  if run.summary['diverged']:
    first, last = run.summary['diverged_between_steps']
    return f'diverges between steps {first:,} and {last:,}'
  if family.is_at_chance(run):
    return f'stays at chance, {rounded(best(run))}'
  return f'reaches {rounded(best(run))}'


def harmless_rates(evidence: Evidence) -> Finding:
  """Claim 16."""
  runs = _of_recipe(evidence)
  of_rate = {
    times: float(np.mean([best(run) for run in of_times]))
    for times, of_times in runs.items()
    if not any(run.summary['diverged'] for run in of_times)
  }
  # That a rate beyond 30 is better still is no ill effect of 30.
  so_far = np.maximum.accumulate([*of_rate.values()])
  harmless = [
    times for times, most in zip(of_rate, so_far) if of_rate[times] > most - 0.01
  ]
  top = max(of_rate, key=of_rate.get)
  return Finding(
    30 in harmless, exactly(max(harmless)), 'times the rate of Inception',
    sum(map(len, runs.values())), 'runs',
    f"of {_listed(runs)} times Inception's rate the recipe of BN-x5 loses no point to "
    f'a lower one at {_listed(harmless)}; its best, {rounded(of_rate[top])}, is at '
    f'{top:g}',
  )  # fmt: skip


def _of_recipe(evidence: Evidence) -> dict[float, list[Run]]:
  """The runs of BN-x5's recipe by how many times Inception's rate theirs is."""
  networks = networks_of(evidence, 'bn_x5', 'bn_x30')
  recipe = _at_other_rates(evidence, 'bn_x5')
  cut = family.within_budget_of(recipe, networks)
  unit = networks[PLAIN][0].config['learning_rate']
  groups = tables.group_by([*recipe, *cut['bn_x5'], *cut['bn_x30']], 'learning_rate')
  return {round(rate / unit, 6): runs for (rate,), runs in groups.items()}


def change(field: str):
  """Claims 17 to 22: one of the seven changes alone, in both settings."""

  def measure(evidence: Evidence) -> Finding:
    networks = networks_of(evidence, 'bn_x5', 'bn_baseline')
    effects = [
      effect
      for effect in ablation.effects(networks, evidence.runs('inception', 'ablation'))
      if effect.change.field == field
    ]
    if len(effects) < 2:
      raise Missing(f'inception/ablation.json with {field} in both settings')
    if math.isnan(effects[0].accuracy.low):
      raise Missing('inception/ablation.json with other seeds of the networks')
    verdicts = [effect.verdict() for effect in effects]
    text = '; '.join(
      f'{effect.setting}: {_effect(effect)}, {verdict}'
      for effect, verdict in zip(effects, verdicts)
    )
    number = min(effect.runs for effect in effects)
    return Finding(_holds(verdicts), *_value(effects[0]), number, 'seeds', text)

  return measure


def _holds(verdicts: list[str]) -> bool | None:
  """One setting is enough if the other does not contradict."""
  if 'disagrees' in verdicts:
    return False
  return True if 'agrees' in verdicts else None


def _value(effect) -> tuple[Interval, str]:
  """What the verdict is on, and its unit."""
  if effect.change.kind == 'faster':
    return effect.faster, 'times fewer steps'
  return in_points(effect.accuracy), 'points of accuracy'


def _effect(effect) -> str:
  if effect.change.kind != 'faster':
    return ablation.accuracy(effect)
  return f'{ablation.times(effect)} and {ablation.accuracy(effect)}'


def _of_ablation(number, text, field) -> Claim:
  kinds = {
    'faster': 'takes fewer steps to the target and does not cost a point',
    'better': 'gains accuracy',
    'harmless': 'costs less than a point',
  }
  (kind,) = (c.kind for c in ablation.CHANGES if c.field == field)
  return Claim(
    number, 'section 4.2.1', text, commands.inception_sweep('ablation'),
    commands.inception('ablation'),
    f'{kinds[kind]}, beyond its interval, added alone or taken back alone, and the '
    'other does not contradict',
    SCALED, change(field),
  )  # fmt: skip


def _of_rates(number, section, text, rule, measure) -> Claim:
  return Claim(
    number, section, text, commands.inception_sweep('learning_rates'),
    commands.inception('learning_rates'), rule, SCALED, measure,
  )  # fmt: skip


CLAIMS = (
  _of_rates(
    14, 'section 4.2.2',
    'Inception with sigmoids and without BN is never better than chance.',
    'within two points of chance', sigmoids_alone,
  ),
  _of_rates(
    15, 'section 4.2.2',
    'At five times its learning rate Inception without BN diverges.',
    'it diverges at five times the rate', diverges,
  ),
  _of_rates(
    16, 'section 4.2.1', 'With BN higher learning rates have no ill side effects.',
    "at 30 times Inception's rate it does not diverge and is within a point of the "
    'best that the recipe does at a rate no higher', harmless_rates,
  ),
  _of_ablation(17, 'Removing dropout speeds training without more overfitting.',
               'model.dropout'),
  _of_ablation(18, 'A fifth of the L2 weight improves held-out accuracy.', 'l2'),
  _of_ablation(19, 'The learning rate can decay six times as fast.',
               'learning_rate_decay_every'),
  _of_ablation(20, 'With BN local response normalization is not necessary.',
               'model.local_response_normalization'),
  _of_ablation(21, 'Thorough shuffling gains about 1 % of validation accuracy.',
               'shuffling'),
  _of_ablation(22, 'Weaker photometric distortions are better.',
               'photometric_distortion'),
)  # fmt: skip
