"""Claims of sections 4.2.1 and 4.2.2 on rates, sigmoids and the seven changes."""

import math
from collections.abc import Iterable

import numpy as np

from bn_repro.paper import section_4_2_1_changes as ablation_lib
from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper.claims_figure_3 import networks_of
from bn_repro.paper.ledger import Evidence, Finding, Measure, Missing
from bn_repro.paper.section_4_2_1_changes import Ablation
from bn_repro.paper.section_4_2_networks import PLAIN, best
from bn_repro.report import effects, tables
from bn_repro.report.collect import Run
from bn_repro.report.intervals import pooled_deviation
from bn_repro.report.tables import rounded

# "Never" needs runs that are long: sigmoids of section 4.1 leave chance after 10,000.
STEPS_OF_NEVER = 60_000
HIGHEST = 30.0  # times Inception's learning rate, as BN-x30


def sigmoids_alone(evidence: Evidence) -> Finding:
  """Claim 14."""
  runs = _at_other_rates(evidence, 'inception_sigmoid')
  chance = 1 / runs[0].config['dataset.num_classes']
  above = [100 * (best(run) - chance) for run in runs]
  length = min(run.summary['num_steps'] for run in runs)
  diverged = sum(run.summary['diverged'] for run in runs)
  short = (
    f'{length:,} steps cannot show "never", which asks for {STEPS_OF_NEVER:,}'
    if length < STEPS_OF_NEVER
    else ''
  )
  return Finding(
    effects.without_interval(max(above)), len(runs), 'runs',
    f'accuracy is {rounded(max(map(best, runs)))} at most; chance is '
    f'{rounded(chance, 0)}'
    + (f'; {diverged} of {len(runs)} runs diverged' if diverged else ''),
    too_little=short, runs=runs,
  )  # fmt: skip


def _at_other_rates(evidence: Evidence, network: str) -> list[Run]:
  """The runs of a network in the sweep of learning rates."""
  runs = evidence.runs('inception', 'learning_rates')
  chosen = [run for run in runs if run.config['network'] == network]
  if not chosen:
    raise Missing(f'inception/learning_rates.json with {network}')
  return chosen


def diverges(evidence: Evidence) -> Finding:
  """Claim 15: between which two learning rates training fails."""
  usual, *_ = networks_of(evidence)[PLAIN]
  runs = [usual, *_at_other_rates(evidence, PLAIN)]
  unit = usual.config['learning_rate']
  rate = lambda run: run.config['learning_rate'] / unit
  trains = [rate(run) for run in runs if not _fails(run)]
  above = [rate(run) for run in runs if _fails(run) and rate(run) > max(trains)]
  high = min(above, default=math.inf)
  middle = math.sqrt(max(trains) * high)
  fails = _listed(sorted(above)) or 'none'
  return Finding(
    effects.between(middle, *_open_interval(max(trains), high), 'bracket of rates'),
    len(runs), 'runs',
    f'the network trains at up to {max(trains):g} times its learning rate and fails at '
    f'{fails} times; of the runs that fail {sum(r.summary["diverged"] for r in runs)} '
    'diverge, the others stay at chance',
    runs=runs,
  )  # fmt: skip


def _open_interval(low: float, high: float) -> tuple[float, float]:
  """Without its ends: training succeeds at the lower and fails at the upper one."""
  above = float(np.nextafter(low, math.inf))
  return above, float(np.nextafter(high, 0)) if math.isfinite(high) else high


def _fails(run: Run) -> bool:
  return run.summary['diverged'] or family.is_at_chance(run)


def _listed(numbers: Iterable[float]) -> str:
  return ', '.join(f'{number:g}' for number in numbers)


def harmless_rates(evidence: Evidence) -> Finding:
  """Claim 16: the highest rate of the paper against the best of the lower ones."""
  recipe = _of_recipe(evidence)
  if not any(math.isclose(times, HIGHEST) for times in recipe):
    raise Missing(f'inception/learning_rates.json at {HIGHEST:g} times the rate')
  accuracy = {
    times: [comparison.accuracy_until(run) for run in runs]
    for times, runs in recipe.items()
  }
  lower = max(
    (times for times in recipe if times < HIGHEST),
    key=lambda times: np.mean(accuracy[times]),
  )
  spread = pooled_deviation(accuracy.values())
  effect = effects.difference(accuracy[HIGHEST], accuracy[lower], spread)
  effect = effects.scaled(effect, 100)
  means = ', '.join(f'{rounded(np.mean(v))} at {t:g}' for t, v in accuracy.items())
  return Finding(
    effect, sum(map(len, recipe.values())), 'runs',
    f"by times Inception's learning rate the recipe of BN-x5 reaches {means}; "
    f'{HIGHEST:g} times is {effect.text("{:+.1f}", " points")} from '
    f'{lower:g} times',
    runs=[run for runs in recipe.values() for run in runs],
  )  # fmt: skip


def _of_recipe(evidence: Evidence) -> dict[float, list[Run]]:
  """The runs of BN-x5's recipe by how many times Inception's rate theirs is."""
  networks = networks_of(evidence, 'bn_x5', 'bn_x30')
  rates = _at_other_rates(evidence, 'bn_x5')
  try:
    others = evidence.runs('inception', 'ablation')
  except Missing:
    others = []
  networks = family.with_other_seeds(networks, others)
  cut = family.within_budget_of(rates, networks)
  unit = networks[PLAIN][0].config['learning_rate']
  groups = tables.group_by([*rates, *cut['bn_x5'], *cut['bn_x30']], 'learning_rate')
  return {round(rate / unit, 6): runs for (rate,), runs in groups.items()}


def change(field: str, measure: str, form: str, unit: str) -> Measure:
  """Claims 17 to 22: one of the seven changes, mean of both settings.

  Args:
    field: of the change.
    measure: 'accuracy', 'speed_up' or 'gap', a method of `Ablation`.
    form: of a number in the text.
    unit: of the effect in the text.
  """

  def measured(evidence: Evidence) -> Finding:
    networks = networks_of(evidence, 'bn_x5', 'bn_baseline')
    found = ablation_lib.ablation(networks, evidence.runs('inception', 'ablation'))
    pairs = found.pairs.get(field, [])
    if len(pairs) < len(ablation_lib.SETTINGS):
      raise Missing(f'inception/ablation.json with {field} in both settings')
    estimate = getattr(found, measure)
    said = lambda effect: effect.text(form, unit)
    single = '; '.join(f'{p.setting} {said(estimate(field, p.setting))}' for p in pairs)
    effect = estimate(field)
    return Finding(
      effect, sum(pair.changed for pair in pairs), 'pairs of runs',
      f'mean of both settings {said(effect)}; {single}{_diverged(found, field)}',
      runs=[run for pair in pairs for run in (*pair.with_it, *pair.without)],
    )  # fmt: skip

  return measured


def _diverged(found: Ablation, field: str) -> str:
  number = sum(
    run.summary['diverged'] for pair in found.pairs[field] for run in pair.with_it
  )
  return f'; {number} runs with the change diverged' if number else ''


_ACCURACY = ('accuracy', '{:+.1f}', ' points')
CLAIMS: dict[str, Measure] = {
  '14': sigmoids_alone,
  '15': diverges,
  '16': harmless_rates,
  '17a': change('model.dropout', 'speed_up', '{:.2f}', ' times'),
  '17b': change('model.dropout', 'gap', '{:+.1f}', ' points'),
  '18': change('l2', *_ACCURACY),
  '19': change('learning_rate_decay_every', *_ACCURACY),
  '20': change('model.local_response_normalization', *_ACCURACY),
  '21': change('shuffling', *_ACCURACY),
  '22': change('photometric_distortion', *_ACCURACY),
}
