"""Section 4.2: how high the learning rate can be (claims 14 and 15)."""

import math
from pathlib import Path

import numpy as np

from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper.ledger import Evidence, Finding, Measure, Missing
from bn_repro.paper.section_4_2_comparison import accuracies, final_accuracy
from bn_repro.paper.section_4_2_figure_3 import speed_up_text
from bn_repro.paper.section_4_2_networks import NAMES, PLAIN, Networks, of_network
from bn_repro.report import effects, pages, seeds, tables
from bn_repro.report.collect import Run
from bn_repro.report.figures import draw_intervals, panels, save
from bn_repro.report.tables import rounded

# Both sides reach it within the 20 epochs of the sweep.
TARGET = 0.5
# "Never" needs runs that are long: sigmoids of section 4.1 leave chance after 10,000.
STEPS_OF_NEVER = 60_000


def section(networks: Networks, runs: list[Run], results: Path) -> str:
  """The text on the sweep of learning rates; draws the figure."""
  sigmoids = {'inception_sigmoid': of_network(runs, 'inception_sigmoid')}
  shown = recipes(networks, runs) | sigmoids
  shown = {name: recipe for name, recipe in shown.items() if recipe}
  _figure(shown, results / 'learning_rates.png')
  groups = {
    (NAMES[name], f'{rate:g}'): group
    for name, recipe in shown.items()
    for rate, group in by_rate(recipe).items()
  }
  columns = {'runs': seeds.number, 'accuracy': final_accuracy}
  return pages.render(
    'section_4_2_rates', budget=runs[0].config['train_for'],
    table=seeds.table(('recipe', 'learning rate'), groups, columns),
    best=best_rates(networks, runs),
  )  # fmt: skip


def recipes(networks: Networks, runs: list[Run]) -> Networks:
  """Inception and the recipe of BN-x5, which is that of BN-x30, at all learning rates.

  Within the budget of `runs`, those of the sweep.
  """
  networks = family.within_budget_of(runs, networks)
  bn_x5 = [*networks.get('bn_x5', []), *networks.get('bn_x30', [])]
  usual = {PLAIN: networks[PLAIN], 'bn_x5': bn_x5}
  return {name: [*group, *of_network(runs, name)] for name, group in usual.items()}


def by_rate(runs: list[Run]) -> dict[float, list[Run]]:
  """Runs by their learning rates, smallest first."""
  return tables.group_by(runs, family.rate_of)


def at_best_rates(networks: Networks, runs: list[Run]) -> Networks:
  """Each side at its own best learning rate, within the budget of the sweep.

  The plain network and BN-x5 stand for the runs of their recipes that have the best
  learning rate; BN-x30 is one of these, and has no entry of its own.
  """
  mean = lambda group: np.mean(accuracies(group))
  best = {
    name: max(by_rate(recipe).values(), key=mean)
    for name, recipe in recipes(networks, runs).items()
    if recipe
  }
  chosen = family.within_budget_of(runs, networks) | best
  return {name: group for name, group in chosen.items() if name != 'bn_x30'}


def best_rates(networks: Networks, runs: list[Run]) -> str:
  """The speed-up with each side at its best learning rate; '' without runs of both."""
  if 'bn_x5' not in (chosen := at_best_rates(networks, runs)):
    return ''
  return pages.render(
    'section_4_2_best_rates', final_accuracy=final_accuracy,
    plain=chosen[PLAIN], recipe=chosen['bn_x5'], target=rounded(TARGET, 0),
    speed_up=speed_up_text(chosen, 'bn_x5', TARGET),
    usual='bn_x30' in networks and speed_up_text(networks, 'bn_x30', TARGET),
  )  # fmt: skip


def _figure(shown: Networks, path: Path) -> None:
  """A spread pooled over all seeds gives the intervals; a cross is a diverged run."""
  figure, (axes,) = panels(1, 7, 4.2)
  runs = family.all_runs(shown)
  spread = comparison.accuracy_spread(
    group for recipe in shown.values() for group in by_rate(recipe).values()
  )
  for name, recipe in shown.items():
    finished = by_rate([run for run in recipe if not run.diverged])
    means = [effects.contrast([(1, accuracies(g))], spread) for g in finished.values()]
    style = {'color': family.COLOURS[name]}
    of_means = {'ms': 4, 'capsize': 3, 'label': NAMES[name]}
    draw_intervals(axes, finished, means, **of_means, **style)
    diverged = [run for run in recipe if run.diverged]
    at = [*map(family.rate_of, diverged)]
    axes.plot(at, accuracies(diverged), 'x', ms=9, **style)
  axes.axhline(family.chance(runs[0]), color='grey', ls=':', lw=1, label='chance')
  axes.set(xscale='log', xlabel='learning rate', ylim=(0, None))
  axes.set_ylabel('validation accuracy after the last epochs')
  axes.set_title(f'{family.title(runs[0])}; most points are one run')
  axes.legend(fontsize=8)
  save(figure, path, runs)


def sigmoids_alone(evidence: Evidence) -> Finding:
  """Claim 14: Inception with sigmoids and without BN stays at chance."""
  runs = _at_other_rates(evidence, 'inception_sigmoid')
  chance = family.chance(runs[0])
  best = max(map(family.best, runs))
  length = min(run.summary['num_steps'] for run in runs)
  diverged = sum(run.diverged for run in runs)
  return Finding(
    effects.without_interval(100 * (best - chance)), len(runs), 'runs',
    f'accuracy is {rounded(best)} at most; chance is {rounded(chance, 0)}'
    + (f'; {diverged} of {len(runs)} runs diverged' if diverged else ''),
    too_little=too_few_for_never(length), runs=runs,
  )  # fmt: skip


def too_few_for_never(steps: int) -> str:
  """Why runs of that length cannot show "never"; '' if they can."""
  if steps >= STEPS_OF_NEVER:
    return ''
  return f'{steps:,} steps cannot show "never"; that needs {STEPS_OF_NEVER:,}'


def _at_other_rates(evidence: Evidence, network: str) -> list[Run]:
  runs = of_network(evidence.runs('inception', 'learning_rates'), network)
  if not runs:
    raise Missing(f'inception/learning_rates.json with {network}')
  return runs


def diverges(evidence: Evidence) -> Finding:
  """Claim 15: between which two learning rates training of Inception fails.

  The interval is open: training succeeds at its lower end and fails at its upper one.
  Where it succeeds at none, that it fails at five times says nothing.
  """
  usual, *_ = family.trained(evidence)[PLAIN]
  runs = [usual, *_at_other_rates(evidence, PLAIN)]
  times = lambda run: family.rate_of(run) / family.rate_of(usual)
  fails = lambda run: run.diverged or family.is_at_chance(run)
  low = max((times(run) for run in runs if not fails(run)), default=0.0)
  above = sorted(times(run) for run in runs if fails(run) and times(run) > low)
  high = min(above, default=math.inf)
  ends = np.nextafter((low, high), (math.inf if low else 0, 0 if above else math.inf))
  trains = f'trains at up to {low:g} times its learning rate' if low else 'never trains'
  diverged = sum(run.diverged for run in runs)
  middle = math.sqrt(low * high) if low else 0.0
  return Finding(
    effects.between(middle, *ends.tolist(), 'bracket of learning rates'),
    len(runs), 'runs',
    f'the network {trains} and fails at '
    f'{", ".join(f"{number:g}" for number in above) or "none"} times; of the runs that '
    f'fail {diverged} diverge, the others stay at chance',
    too_little='' if low else 'it trains at no learning rate that was tried', runs=runs,
  )  # fmt: skip


CLAIMS: dict[str, Measure] = {'14': sigmoids_alone, '15': diverges}
