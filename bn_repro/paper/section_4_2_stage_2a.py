"""Section 4.2 by stage 2a of the protocol: the best learning rates (claim 16).

Inception, BN alone and the recipe of BN-x5, which is that of BN-x30, at six learning
rates each, a factor of two apart, and two more where the best is at an edge.
"""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper import stages
from bn_repro.paper.ledger import Evidence, Finding, Measure
from bn_repro.paper.section_4_2_networks import NAMES, PLAIN, rate_of
from bn_repro.report import best_rate as best_lib
from bn_repro.report import effects, pages, seeds, tables
from bn_repro.report.best_rate import BestRate
from bn_repro.report.collect import Run
from bn_repro.report.figures import draw_intervals, panels, save
from bn_repro.report.intervals import pooled_deviation
from bn_repro.report.tables import rounded

STAGE = 'stage2_rates'
RECIPE = 'bn_x5'
# In these tables the network of BN-x5 has other learning rates than BN-x5.
TITLES = NAMES | {RECIPE: 'recipe of BN-x5'}
# Claim 16: the learning rates of the recipe, as times of Inception's. 32 is the one
# that is nearest to the paper's thirty.
UNIT, LOWER, HIGH = 0.0015, (4, 8, 16), 32
RATES = 6  # of each network, before two more are asked for
# By network the accuracies, 0 to 1, of its runs at each learning rate, or length.
Ladders = dict[str, dict[float, list[float]]]


def ladders(runs: list[Run], measure: Callable[[Run], float]) -> Ladders:
  """Accuracy at the end by network and then by `measure`, such as the learning rate.

  Of the weights themselves: the runs are annealed, and an average would lag in the
  shortest ones.
  """
  accuracy = lambda run: comparison.at_end(run, run.curves['test_accuracy'])
  groups = tables.group_by(runs, lambda run: run.config['network'])
  return {
    name: {
      at: [*map(accuracy, some)]
      for at, some in tables.group_by(groups[name], measure).items()
    }
    for name in NAMES
    if name in groups
  }


def section(runs: list[Run], results: Path) -> str:
  """The text on this stage, of all of its runs; draws the figure."""
  by_rate = ladders(trained(runs), rate_of)
  best = {name: best_lib.best_rate(of_one) for name, of_one in by_rate.items()}
  _figure(by_rate, best, results / 'best_rates.png', runs)
  if_known = lambda text: lambda name: text(name) if name in best else ''
  columns = {
    'best learning rate': lambda name: _rate_text(best.get(name)),
    "over Inception's": if_known(lambda name: _ratio_text(best, name)),
    'accuracy there': if_known(lambda name: rounded(best[name].accuracy)),
    'trains up to': if_known(lambda name: f'{max(by_rate[name]):g}'),
    'a seed fails at': lambda name: _failures(runs, name),
  }
  names = {TITLES[name]: name for name in NAMES if family.of_network(runs, name)}
  return pages.render(
    'section_4_2_stage_2a', near=f'{best_lib.NEAR:g}',
    table=seeds.table('network', names, columns),
    asked={TITLES[name]: rates for name, rates in asked_for(runs).items()},
  )  # fmt: skip


def asked_for(runs: list[Run]) -> dict[str, list[float]]:
  """By network the two further learning rates that the protocol asks for, if it does.

  It asks once, if the best of the first six is the lowest or the highest. A rate at
  which a seed fails cannot be the best.
  """
  asked = {}
  for name, of_one in ladders(trained(runs), rate_of).items():
    tried = sorted({rate_of(run) for run in family.of_network(runs, name)})
    best = best_lib.best_rate(of_one).tried
    if len(tried) == RATES and best in (tried[0], tried[-1]):
      factor = 2.0 if best == tried[-1] else 0.5
      asked[name] = [best * factor, best * factor**2]
  return asked


def trained(runs: list[Run]) -> list[Run]:
  """Those of networks and learning rates of which no seed fails."""
  setting = lambda run: (run.config['network'], rate_of(run))
  failing = {setting(run) for run in runs if fails(run)}
  return [run for run in runs if setting(run) not in failing]


def fails(run: Run) -> bool:
  """Whether a run diverges, or ends at chance."""
  return run.diverged or family.ends_at_chance(run)


def _rate_text(best: BestRate | None) -> str:
  if not best:
    return 'trains at none'
  text = best.rate.text('{:.3g}')
  return text if best.log_rate else f'{text}, the best tried'


def _ratio_text(best: dict[str, BestRate], name: str) -> str:
  if name == PLAIN or PLAIN not in best:
    return ''
  ratio = best_lib.ratio(best[name], best[PLAIN])
  return ratio.text('{:.2g}') if ratio else ''


def _failures(runs: list[Run], name: str) -> str:
  failed = {rate_of(run) for run in family.of_network(runs, name) if fails(run)}
  return ', '.join(f'{rate:g}' for rate in sorted(failed)) or 'none tried'


def _figure(
  by_rate: Ladders, best: dict[str, BestRate], path: Path, runs: list[Run]
) -> None:
  figure, (axes,) = panels(1, 7, 4.2)
  for name, of_one in by_rate.items():
    style = {'color': family.COLOURS[name]}
    points = [(rate, value) for rate, values in of_one.items() for value in values]
    axes.plot(*zip(*points), 'o', ms=4, label=TITLES[name], **style)
    if best[name].parabola is not None:
      at = np.geomspace(*best[name].fitted, 50)
      axes.plot(at, np.polyval(best[name].parabola, np.log(at)), lw=1, **style)
    if best[name].log_rate and best[name].rate.high < math.inf:
      style |= {'fmt': 'D', 'capsize': 4, 'sideways': True}
      draw_intervals(axes, [best[name].accuracy], [best[name].rate], **style)
  # An interval may reach far beyond all that was tried.
  axes.set_xlim(min(map(rate_of, runs)) / 2, max(map(rate_of, runs)) * 2)
  axes.set(xscale='log', xlabel='learning rate',
           ylabel='validation accuracy at the end')  # fmt: skip
  axes.set_title(f'{family.title(runs[0])}, {runs[0].config["train_for"]}')
  axes.legend(fontsize=8)
  save(figure, path, runs)


def harmless_rates(evidence: Evidence) -> Finding:
  """Claim 16: 32 times Inception's learning rate against the best lower one.

  The best of three, which works against the claim. Where a seed fails at that one, too,
  no loss could be seen.
  """
  runs = stages.needed(evidence, STAGE)
  by_rate = {round(r / UNIT): v for r, v in ladders(runs, rate_of)[RECIPE].items()}
  lower = max(LOWER, key=lambda times: np.mean(by_rate[times]))
  trains = ladders(trained(runs), rate_of)
  spread = pooled_deviation(v for of_one in trains.values() for v in of_one.values())
  fails_there = lower not in {round(rate / UNIT) for rate in trains.get(RECIPE, {})}
  effect = effects.points_between(by_rate[HIGH], by_rate[lower], spread)
  means = ', '.join(f'{rounded(np.mean(v))} at {t:g}' for t, v in by_rate.items())
  return Finding(
    effect, sum(map(len, by_rate.values())), 'runs',
    f"the recipe of BN-x5 reaches, by times of Inception's learning rate: {means}; "
    f'{HIGH} times is {effect.text("{:+.1f}", " points")} from {lower} times',
    too_little=f'a seed fails at {lower} times, too' if fails_there else '',
    runs=family.of_network(runs, RECIPE),
  )  # fmt: skip


CLAIMS: dict[str, Measure] = {'16': harmless_rates}
