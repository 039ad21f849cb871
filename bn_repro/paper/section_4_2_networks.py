"""Section 4.2.2: the networks of figure 3, their names, colours and runs.

Accuracies are of validation images, one centre crop, with population statistics.
"""

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from bn_repro.paper import stages
from bn_repro.paper.ledger import Evidence, Missing, runs_if_any
from bn_repro.report import collect
from bn_repro.report.collect import Run
from bn_repro.run.errors import UserError

PLAIN = 'inception'
# BN-x5 with the decay of the plain network's learning rate.
SLOW_DECAY = 'bn_x5_decay_of_inception'
VALIDATION_IMAGES = 3925  # of Imagenette
# DATA: fields that are equal in all runs of a table. RECIPE: in all of a network.
DATA = (
  'dataset.name', 'dataset.size', 'model.width', 'batch_size',
  'model.normalization_group', 'model.dtype',
)  # fmt: skip
RECIPE = (
  'learning_rate', 'learning_rate_decay', 'learning_rate_decay_every', 'momentum', 'l2',
  'model.dropout', 'shuffling', 'photometric_distortion',
)  # fmt: skip
# Name and colour; of those in figure 3 the steps to 72.2 %, in millions.
_NETWORKS = {
  PLAIN: ('Inception', 'tab:orange', 31.0),
  'bn_baseline': ('BN-Baseline', 'tab:green', 13.3),
  'bn_x5': ('BN-x5', 'tab:blue', 2.1),
  'bn_x30': ('BN-x30', 'tab:purple', 2.7),
  'bn_x5_sigmoid': ('BN-x5-Sigmoid', 'tab:brown', math.inf),
  'inception_sigmoid': ('Inception with sigmoids', 'tab:red', None),
  SLOW_DECAY: ('BN-x5, slow decay', 'tab:cyan', None),
}
NAMES, COLOURS, PAPER = (
  {network: row[i] for network, row in _NETWORKS.items() if row[i]} for i in range(3)
)
# Of protocol.md: those that train the networks of figure 3 again, in their order.
STAGES = ('stage1_networks', 'stage1_again')
# By network, some seeds of each.
Networks = dict[str, list[Run]]


def rate_of(run: Run) -> float:
  """Its learning rate."""
  return run.config['learning_rate']


def best(run: Run) -> float:
  """The maximum of validation accuracy; it was chosen on these images."""
  return float(run.curves['test_accuracy'].max())


def chance(run: Run) -> float:
  """The accuracy of a guess."""
  return 1 / run.config['dataset.num_classes']


def is_at_chance(run: Run) -> bool:
  """Whether accuracy is never two points above chance (section 4.2.2).

  Classes are not of one size: of Imagenette's validation images 10.7 % are of the
  largest.
  """
  return best(run) < chance(run) + 0.02


def ends_at_chance(run: Run) -> bool:
  """Whether the last evaluation is not two points above chance, whatever was before."""
  return float(run.curves['test_accuracy'][-1]) < chance(run) + 0.02


def title(run: Run) -> str:
  """Data set, size and width, for the title of a figure."""
  name, size, width = (run.config[field] for field in DATA[:3])
  return f'{name} at {size} pixels, width {width:g}'


def by_network(runs: Iterable[Run]) -> Networks:
  """The runs of each network of figure 3, in its order, and of `SLOW_DECAY` last."""
  groups = {name: [] for name in (*PAPER, SLOW_DECAY)}
  for run in runs:
    is_slow = run.name.startswith(SLOW_DECAY)
    groups.get(SLOW_DECAY if is_slow else run.config['network'], []).append(run)
  return {name: group for name, group in groups.items() if group}


def of_network(runs: Iterable[Run], network: str) -> list[Run]:
  """Those of one network, whatever else differs."""
  return [run for run in runs if run.config['network'] == network]


def all_runs(networks: Networks) -> list[Run]:
  """Of all networks, in their order."""
  return [run for runs in networks.values() for run in runs]


def figure_3(load: Callable[[str], list[Run]]) -> Networks:
  """The runs of stages 1 and 1b of the protocol, once both are whole.

  Until then the first runs, but for seeds that a whole stage has, too. `load` gives the
  runs of a sweep, [] if there are none. A stage of which some runs are missing is not
  looked at (protocol.md).
  """
  of_stages = [stages.if_whole(stage, load(stage)) for stage in STAGES]
  first = [] if all(of_stages) else [*load('networks'), *load('decay')]
  # Some names lack the seed, where it is 0.
  key = lambda run: (collect.variant(run.name), run.config['seed'])
  latest = {key(run): run for runs in (first, *of_stages) for run in runs}
  return by_network(sorted(latest.values(), key=lambda run: run.config['seed']))


def compared(evidence: Evidence, *names: str) -> Networks:
  """As `figure_3`; raises `Missing` without runs of `names` or of the plain network."""
  load = lambda name: (
    stages.whole(evidence, name)
    if name in STAGES
    else runs_if_any(evidence, 'inception', name)
  )
  networks = figure_3(load)
  _check_there(networks, names)
  return networks


def trained(evidence: Evidence, *names: str) -> Networks:
  """The first runs, trained with patience; raises `Missing` if one is not there."""
  networks = by_network(evidence.runs('inception', 'networks'))
  _check_there(networks, names)
  return networks | by_network(runs_if_any(evidence, 'inception', 'decay'))


def _check_there(networks: Networks, names: Iterable[str]) -> None:
  if missing := [name for name in (PLAIN, *names) if name not in networks]:
    raise Missing(f'inception/networks.json with {", ".join(missing)}')


def check_comparable(networks: Networks, results: Path) -> None:
  """Raises UserError if runs of one table differ in data, or one network in recipe."""
  _check_same(all_runs(networks), DATA, results)
  for group in networks.values():
    _check_same(group, RECIPE, results)


def check_one_length(runs: list[Run], file: Path) -> None:
  """Raises UserError if runs of a sweep with one budget were given different ones."""
  _check_same(runs, ('train_for', *DATA[:3]), file)


def _check_same(runs: list[Run], fields: tuple[str, ...], results: Path) -> None:
  for run in runs[1:]:
    for field in fields:
      values = [one.config.get(field) for one in (run, runs[0])]
      if values[0] != values[1]:
        raise UserError(
          f'{results}: run {run.name} has {field}={values[0]!r} and {runs[0].name} '
          f'{values[1]!r}, which one table cannot compare; collect them apart'
        )


def with_other_seeds(networks: Networks, runs: list[Run]) -> Networks:
  """The networks, and of a sweep around them those runs whose seeds they lack."""
  names = {run.name for run in all_runs(networks)}
  usual_name = lambda run: f'{run.config["network"]}_seed{run.config["seed"]}'
  usual = [run for run in runs if run.name == usual_name(run)]
  others = by_network(run for run in usual if run.name not in names)
  return {
    name: [*networks.get(name, []), *others.get(name, [])] for name in networks | others
  }


def within_budget_of(runs: list[Run], networks: Networks) -> Networks:
  """The networks, cut where they had seen as many images as the runs were given.

  How long a run is meant to be changes none of its steps: the beginning of a long run
  is the short run. Only the last evaluation differs: it comes at the end of the budget,
  up to half an interval before or after that of the long run.
  """
  images = max(run.summary['num_steps'] * run.config['batch_size'] for run in runs)
  return {
    name: [_until(run, images / run.config['batch_size']) for run in group]
    for name, group in networks.items()
  }


def _until(run: Run, step: float) -> Run:
  steps = run.curves['step']
  last = step + np.diff(steps[:2]).sum() / 2
  curves = {name: values[steps <= last] for name, values in run.curves.items()}
  between = run.summary['diverged_between_steps']
  cut = {
    'diverged': between is not None and between[0] < step,
    'num_steps': min(run.summary['num_steps'], step),
  }
  return run._replace(curves=curves, summary=run.summary | cut)
