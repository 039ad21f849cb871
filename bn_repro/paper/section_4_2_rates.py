"""Section 4.2: how high the learning rate can be (claims 14, 15 and 16)."""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper.ledger import Evidence, Finding, Measure, Missing
from bn_repro.paper.section_4_2_comparison import accuracy_until, final_accuracy
from bn_repro.paper.section_4_2_figure_3 import speed_up
from bn_repro.paper.section_4_2_networks import (
  COLOURS,
  NAMES,
  PLAIN,
  best,
  is_at_chance,
  runs_if_any,
  title,
  trained,
  with_other_seeds,
  within_budget_of,
)
from bn_repro.report import effects, pages, tables
from bn_repro.report.collect import Run
from bn_repro.report.figures import save
from bn_repro.report.intervals import pooled_deviation
from bn_repro.report.tables import group_by, rounded

# Both sides reach it within the 20 epochs of the sweep.
TARGET = 0.5
# "Never" needs runs that are long: sigmoids of section 4.1 leave chance after 10,000.
STEPS_OF_NEVER = 60_000
HIGHEST = 30.0  # times Inception's learning rate, as BN-x30


def section(networks: dict[str, list[Run]], runs: list[Run], results: Path) -> str:
  """Draws the figure and returns the text; '' without runs.

  Args:
    networks: of figure 3.
    runs: of the sweep of learning rates.
    results: the folder of the figure.
  """
  if not runs:
    return ''
  families = recipes(networks, runs)
  families['inception_sigmoid'] = _select(runs, 'inception_sigmoid')
  families = {name: family for name, family in families.items() if family}
  _figure(families, results / 'learning_rates.png')
  rows = [
    [NAMES[name], f'{rate:g}', str(len(group)), final_accuracy(group)]
    for name, family in families.items()
    for (rate,), group in group_by(family, 'learning_rate').items()
  ]
  head = ('recipe', 'learning rate', 'runs', 'accuracy')
  return pages.render(
    'section_4_2_rates', budget=runs[0].config['train_for'],
    table=tables.markdown(head, rows), best=best_rates(networks, runs),
  )  # fmt: skip


def recipes(networks: dict[str, list[Run]], runs: list[Run]) -> dict[str, list[Run]]:
  """Inception and the recipe of BN-x5 at all learning rates, within one budget.

  Args:
    networks: of figure 3; BN-x30 is the recipe of BN-x5, too.
    runs: of the sweep of learning rates, which have the budget.
  """
  networks = within_budget_of(runs, networks)
  bn_x5 = [*networks.get('bn_x5', []), *networks.get('bn_x30', [])]
  return {
    PLAIN: [*networks[PLAIN], *_select(runs, PLAIN)],
    'bn_x5': [*bn_x5, *_select(runs, 'bn_x5')],
  }


def _select(runs: list[Run], network: str) -> list[Run]:
  return [run for run in runs if run.config['network'] == network]


def at_best_rates(
  networks: dict[str, list[Run]], runs: list[Run]
) -> dict[str, list[Run]]:
  """Each side at its own best learning rate, within the budget of the sweep.

  Args:
    networks: of figure 3.
    runs: of the sweep of learning rates.

  Returns:
    The networks within that budget. The plain network and BN-x5 stand for the runs of
    their recipes that have the best learning rate; BN-x30 is one of these, and has no
    entry of its own.
  """
  mean = lambda group: np.mean([accuracy_until(run) for run in group])
  best_of = {
    name: max(group_by(family, 'learning_rate').values(), key=mean)
    for name, family in recipes(networks, runs).items()
    if family
  }
  chosen = within_budget_of(runs, networks) | best_of
  return {name: group for name, group in chosen.items() if name != 'bn_x30'}


def best_rates(networks: dict[str, list[Run]], runs: list[Run]) -> str:
  """The speed-up of figure 3 with each side at its best learning rate.

  '' unless there are runs of both.
  """
  if not runs:
    return ''
  chosen = at_best_rates(networks, runs)
  if not {PLAIN, 'bn_x5'} <= chosen.keys():
    return ''
  return pages.render(
    'section_4_2_best_rates', final_accuracy=final_accuracy,
    plain=chosen[PLAIN], recipe=chosen['bn_x5'], target=rounded(TARGET, 0),
    speed_up=speed_up(chosen, 'bn_x5', TARGET),
    usual='bn_x30' in networks and speed_up(networks, 'bn_x30', TARGET),
  )  # fmt: skip


def _figure(families: dict[str, list[Run]], path: Path) -> None:
  """Accuracy at the end against the learning rate, with 95 % intervals.

  The spread between seeds is pooled over all rates; a cross is a run that diverged.
  """
  figure, axes = plt.subplots(figsize=(7, 4.2), layout='constrained')
  runs = [run for family in families.values() for run in family]
  spread = comparison.accuracy_spread(
    group
    for family in families.values()
    for group in group_by(family, 'learning_rate').values()
  )
  for network, family in families.items():
    _draw(axes, family, spread, color=COLOURS[network], label=NAMES[network])
  chance = 1 / runs[0].config['dataset.num_classes']
  axes.axhline(chance, color='grey', ls=':', lw=1, label='chance')
  axes.set(xscale='log', xlabel='learning rate', ylim=(0, None))
  axes.set_ylabel('validation accuracy after the last epochs')
  axes.set_title(f'{title(runs[0])}; most points are one run')
  axes.grid(alpha=0.3)
  axes.legend(fontsize=8)
  save(figure, path, runs)


def _draw(axes, runs, spread, label, **style):
  """A mean with its interval at each learning rate; a cross for a run that diverged."""
  finished = [run for run in runs if not run.summary['diverged']]
  rates = group_by(finished, 'learning_rate')
  middle, error = comparison.values_and_errors(
    [
      effects.contrast([(1.0, [accuracy_until(run) for run in group])], spread)
      for group in rates.values()
    ]
  )
  axes.errorbar([rate for (rate,) in rates], middle, error, fmt='o-', ms=4, capsize=3,
                label=label, **style)  # fmt: skip
  diverged = [run for run in runs if run.summary['diverged']]
  at = [run.config['learning_rate'] for run in diverged]
  axes.plot(at, [accuracy_until(run) for run in diverged], 'x', ms=9, **style)


def sigmoids_alone(evidence: Evidence) -> Finding:
  """Claim 14: Inception with sigmoids and without BN stays at chance."""
  runs = _at_other_rates(evidence, 'inception_sigmoid')
  chance = 1 / runs[0].config['dataset.num_classes']
  above = [100 * (best(run) - chance) for run in runs]
  length = min(run.summary['num_steps'] for run in runs)
  diverged = sum(run.summary['diverged'] for run in runs)
  short = f'{length:,} steps cannot show "never", which asks for {STEPS_OF_NEVER:,}'
  return Finding(
    effects.without_interval(max(above)), len(runs), 'runs',
    f'accuracy is {rounded(max(map(best, runs)))} at most; chance is '
    f'{rounded(chance, 0)}'
    + (f'; {diverged} of {len(runs)} runs diverged' if diverged else ''),
    too_little=short if length < STEPS_OF_NEVER else '', runs=runs,
  )  # fmt: skip


def _at_other_rates(evidence: Evidence, network: str) -> list[Run]:
  """The runs of a network in the sweep of learning rates."""
  runs = _select(evidence.runs('inception', 'learning_rates'), network)
  if not runs:
    raise Missing(f'inception/learning_rates.json with {network}')
  return runs


def diverges(evidence: Evidence) -> Finding:
  """Claim 15: between which two learning rates training of Inception fails."""
  usual, *_ = trained(evidence)[PLAIN]
  runs = [usual, *_at_other_rates(evidence, PLAIN)]
  unit = usual.config['learning_rate']
  times = lambda run: run.config['learning_rate'] / unit
  fails = lambda run: run.summary['diverged'] or is_at_chance(run)
  highest = max(times(run) for run in runs if not fails(run))
  above = sorted(times(run) for run in runs if fails(run) and times(run) > highest)
  high = min(above, default=math.inf)
  failing = ', '.join(f'{number:g}' for number in above) or 'none'
  bounds = _open_interval(highest, high)
  diverged = sum(run.summary['diverged'] for run in runs)
  return Finding(
    effects.between(math.sqrt(highest * high), *bounds, 'bracket of rates'),
    len(runs), 'runs',
    f'the network trains at up to {highest:g} times its learning rate and fails at '
    f'{failing} times; of the runs that fail {diverged} diverge, the others stay at '
    'chance',
    runs=runs,
  )  # fmt: skip


def _open_interval(low: float, high: float) -> tuple[float, float]:
  """Without its ends: training succeeds at the lower and fails at the upper one."""
  above = float(np.nextafter(low, math.inf))
  return above, float(np.nextafter(high, 0)) if math.isfinite(high) else high


def harmless_rates(evidence: Evidence) -> Finding:
  """Claim 16: the highest learning rate of the paper against the best lower one."""
  networks = trained(evidence, 'bn_x5', 'bn_x30')
  rates = _at_other_rates(evidence, 'bn_x5')
  networks = with_other_seeds(networks, runs_if_any(evidence, 'ablation'))
  unit = networks[PLAIN][0].config['learning_rate']
  runs = recipes(networks, rates)['bn_x5']
  accuracy = {
    round(rate / unit, 6): [accuracy_until(run) for run in group]
    for (rate,), group in group_by(runs, 'learning_rate').items()
  }
  if not any(math.isclose(times, HIGHEST) for times in accuracy):
    raise Missing(f'inception/learning_rates.json at {HIGHEST:g} times the rate')
  means = {times: np.mean(values) for times, values in accuracy.items()}
  lower = max((times for times in means if times < HIGHEST), key=means.get)
  spread = pooled_deviation(accuracy.values())
  effect = effects.difference(accuracy[HIGHEST], accuracy[lower], spread)
  effect = effects.scaled(effect, 100)
  reached = ', '.join(f'{rounded(mean)} at {times:g}' for times, mean in means.items())
  return Finding(
    effect, len(runs), 'runs',
    f"by times Inception's learning rate the recipe of BN-x5 reaches {reached}; "
    f'{HIGHEST:g} times is {effect.text("{:+.1f}", " points")} from '
    f'{lower:g} times',
    runs=runs,
  )  # fmt: skip


CLAIMS: dict[str, Measure] = {
  '14': sigmoids_alone, '15': diverges, '16': harmless_rates,
}  # fmt: skip
