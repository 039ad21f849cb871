"""Section 4.2.2: the networks of figure 3, their names, colours and runs.

Accuracies are of validation images, one centre crop, with population statistics.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bn_repro.paper.ledger import Evidence, Missing
from bn_repro.report.collect import Run
from bn_repro.run.errors import UserError

PLAIN = 'inception'
# BN-x5 with the decay of the plain network's learning rate.
SLOW_DECAY = 'bn_x5_decay_of_inception'
VALIDATION_IMAGES = 3925  # of Imagenette
# Figure 3: steps to 72.2 %, in millions, and the maximum accuracy.
PAPER = {
  'inception': (31.0, '72.2 %'),
  'bn_baseline': (13.3, '72.7 %'),
  'bn_x5': (2.1, '73.0 %'),
  'bn_x30': (2.7, '74.8 %'),
  'bn_x5_sigmoid': (None, '69.8 %'),
}
# DATA: fields that are equal in all runs of a table. RECIPE: in all of a network.
DATA = (
  'dataset.name', 'dataset.size', 'model.width', 'batch_size',
  'model.normalization_group', 'model.dtype',
)  # fmt: skip
RECIPE = (
  'learning_rate', 'learning_rate_decay', 'learning_rate_decay_every', 'momentum', 'l2',
  'model.dropout', 'shuffling', 'photometric_distortion',
)  # fmt: skip
NAMES = {
  'inception': 'Inception',
  'bn_baseline': 'BN-Baseline',
  'bn_x5': 'BN-x5',
  'bn_x30': 'BN-x30',
  'bn_x5_sigmoid': 'BN-x5-Sigmoid',
  'inception_sigmoid': 'Inception with sigmoids',
  SLOW_DECAY: 'BN-x5, slow decay',
}
COLOURS = {
  'inception': 'tab:orange',
  'bn_baseline': 'tab:green',
  'bn_x5': 'tab:blue',
  'bn_x30': 'tab:purple',
  'bn_x5_sigmoid': 'tab:brown',
  'inception_sigmoid': 'tab:red',
  SLOW_DECAY: 'tab:cyan',
}


def best(run: Run) -> float:
  """The maximum of validation accuracy; it was chosen on these images."""
  return float(run.curves['test_accuracy'].max())


def is_at_chance(run: Run) -> bool:
  """Whether accuracy is never two points above chance (section 4.2.2).

  Classes are not of one size: of Imagenette's validation images 10.7 % are of the
  largest.
  """
  return best(run) < 1 / run.config['dataset.num_classes'] + 0.02


def title(run: Run) -> str:
  """Data set, size and width, for the title of a figure."""
  config = run.config
  return (
    f'{config["dataset.name"]} at {config["dataset.size"]} pixels, width '
    f'{config["model.width"]:g}'
  )


def by_network(runs: Iterable[Run]) -> dict[str, list[Run]]:
  """The runs of each network of figure 3, in its order, and of `SLOW_DECAY` last.

  A network without a run has no entry.
  """
  groups = {name: [] for name in (*PAPER, SLOW_DECAY)}
  for run in runs:
    is_slow = run.name.startswith(SLOW_DECAY)
    groups.get(SLOW_DECAY if is_slow else run.config['network'], []).append(run)
  return {name: group for name, group in groups.items() if group}


def trained(evidence: Evidence, *names: str) -> dict[str, list[Run]]:
  """The committed runs of section 4.2.2, by network.

  Raises:
    Missing: the plain network or one of `names` was not trained.
  """
  networks = by_network(evidence.runs('inception', 'networks'))
  if missing := [name for name in (PLAIN, *names) if name not in networks]:
    raise Missing(f'inception/networks.json with {", ".join(missing)}')
  return networks | by_network(runs_if_any(evidence, 'decay'))


def runs_if_any(evidence: Evidence, sweep: str) -> list[Run]:
  """The committed runs of a sweep of section 4.2; [] if there are none."""
  try:
    return evidence.runs('inception', sweep)
  except Missing:
    return []


def check_comparable(networks: dict[str, list[Run]], results: Path) -> None:
  """Raises UserError if runs of one table differ in data, or one network in recipe."""
  everything = [run for runs in networks.values() for run in runs]
  for fields, groups in ((DATA, [everything]), (RECIPE, networks.values())):
    for group in groups:
      _check_same(group, fields, results)


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


def with_other_seeds(
  networks: dict[str, list[Run]], runs: list[Run]
) -> dict[str, list[Run]]:
  """The networks, and of a sweep around them those runs whose seeds they lack."""
  names = {run.name for group in networks.values() for run in group}
  is_unchanged = lambda run: (
    run.name == f'{run.config["network"]}_seed{run.config["seed"]}'
  )
  others = by_network(r for r in runs if is_unchanged(r) and r.name not in names)
  return {
    name: [*networks.get(name, []), *others.get(name, [])] for name in networks | others
  }


def within_budget_of(
  runs: list[Run], networks: dict[str, list[Run]]
) -> dict[str, list[Run]]:
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
  diverged = between is not None and between[0] < step
  return run._replace(curves=curves, summary=run.summary | {'diverged': diverged})
