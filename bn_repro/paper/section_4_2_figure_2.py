"""Figure 2 of the paper: accuracy against steps; and the steps to every accuracy."""

from pathlib import Path

import numpy as np

from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper.section_4_2_networks import NAMES, PLAIN, Networks
from bn_repro.report.collect import Run
from bn_repro.report.crossing import crossing
from bn_repro.report.figures import draw, panels, save
from bn_repro.report.tables import rounded

_FROM = 0.4  # accuracy at which the paper's axis begins


def figure_2(networks: Networks, path: Path) -> None:
  """Figure 2: validation accuracy against steps and against hours.

  Lines are means over the seeds as far as all of them go, and bands span the seeds. A
  thin line is a seed that was trained longer than another; an arrow ends each run.
  """
  figure, (steps, hours) = panels(2, 5.5, 4.4, sharey=True)
  _, seconds = comparison.seconds_per_step()
  for name, runs in networks.items():
    _draw_network(steps, name, runs, 1.0)
    _draw_network(hours, name, runs, seconds[name] / 3600)
  for axes, label, first in ((steps, 'training steps', 300), (hours, 'hours', 0.01)):
    axes.set(xlabel=label, xscale='log', xlim=(first, None), ylim=(_FROM, None))
    axes.grid(alpha=0.3, which='both')
  steps.set_ylabel('validation accuracy, single crop')
  steps.legend(loc='lower right', fontsize=8)
  figure.suptitle(f'Figure 2 on {family.title(networks[PLAIN][0])}')
  save(figure, path, family.all_runs(networks))


def _draw_network(axes, network: str, runs: list[Run], scale: float) -> None:
  style = {'color': family.COLOURS[network]}
  draw(axes, runs, 'test_accuracy', scale, label=with_seeds(network, runs), **style)
  common = min(run.curves['step'][-1] for run in runs)
  for run in runs:
    steps, accuracy = run.curves['step'], run.curves['test_accuracy']
    alone = steps >= common
    axes.plot(steps[alone] * scale, accuracy[alone], lw=0.6, **style)
    end = {'ms': 5, 'mec': 'black', 'mew': 0.5}
    axes.plot(steps[-1] * scale, accuracy[-1], '>', **end, **style)


def with_seeds(network: str, runs: list[Run]) -> str:
  """The name of a network for a legend: 'BN-x5 (2 seeds)'."""
  number = 'one run' if len(runs) == 1 else f'{len(runs)} seeds'
  return f'{NAMES[network]} ({number})'


def runtimes(networks: Networks, path: Path) -> None:
  """Beside figure 2: the steps to all targets, and which network is first to one."""
  figure, (all_targets, first) = panels(2, 5.5, 4)
  for name, runs in networks.items():
    reached = _all_runtimes(runs)
    share = np.arange(1, len(reached) + 1) / (len(runs) * len(comparison.PROFILE))
    all_targets.step(reached, share, where='post', color=family.COLOURS[name],
                     label=with_seeds(name, runs))  # fmt: skip
  all_targets.set(xscale='log', xlabel='training steps', ylim=(0, 1))
  all_targets.set_ylabel('share of (seed, target) reached')
  all_targets.legend(fontsize=8, loc='upper left')
  factors = np.geomspace(0.5, 12, 200)
  for name in networks:
    if name != PLAIN and _all_arrive(networks, name) and _all_arrive(networks, PLAIN):
      chance = comparison.probability_of_improvement(networks, name, PLAIN, factors)
      # Runs of one seed give none, and Matplotlib no axis of NaN.
      if np.isfinite(chance).all():
        first.plot(factors, chance, color=family.COLOURS[name])
  first.axhline(0.5, color='grey', lw=1, ls=':')
  first.set(xscale='log', xlabel="f, times the network's steps", ylim=(0, 1))
  first.set_xticks([0.5, 1, 2, 5, 10], ['0.5', '1', '2', '5', '10'])
  first.set_ylabel(f'probability to reach {rounded(comparison.TARGET, 0)} first')
  save(figure, path, family.all_runs(networks))


def _all_runtimes(runs: list[Run]) -> np.ndarray:
  crossings = [crossing(r, t) for r in runs for t in comparison.PROFILE]
  return np.sort([c.steps for c in crossings if not c.is_censored])


def _all_arrive(networks: Networks, name: str) -> bool:
  reached = comparison.number_reached(networks, name, comparison.TARGET)
  return reached == len(networks[name])
