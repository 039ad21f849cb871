"""The runs of section 4.2.2 and what figure 3 asks of them.

Accuracies are of validation images, one centre crop, with population statistics.
"""

from pathlib import Path

import numpy as np

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
# What all runs of a table share, and what all runs of a network.
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


def best(run: Run) -> float:
  """The maximum of validation accuracy; it was chosen on these images."""
  return float(run.curves['test_accuracy'].max())


def is_at_chance(run: Run) -> bool:
  """Whether it is never better than chance (section 4.2.2), by two points.

  Classes are not of one size: of Imagenette's validation images 10.7 % are of the
  largest.
  """
  return best(run) < 1 / run.config['dataset.num_classes'] + 0.02


def by_network(runs: list[Run]) -> dict[str, list[Run]]:
  """The runs of each network of figure 3 that has some, in its order."""
  found = {name: [r for r in runs if r.config['network'] == name] for name in PAPER}
  return {name: of_network for name, of_network in found.items() if of_network}


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


def with_slow_decay(
  networks: dict[str, list[Run]], runs: list[Run]
) -> dict[str, list[Run]]:
  """The networks, and BN-x5 with the slower decay, if it was run."""
  return networks | {SLOW_DECAY: runs} if runs else networks


def with_other_seeds(
  networks: dict[str, list[Run]], runs: list[Run]
) -> dict[str, list[Run]]:
  """The networks, and of a sweep around them those runs whose seeds they lack."""
  names = {run.name for runs_of_one in networks.values() for run in runs_of_one}
  as_it_is = lambda run: f'{run.config["network"]}_seed{run.config["seed"]}'
  others = by_network(
    [r for r in runs if r.name == as_it_is(r) and r.name not in names]
  )
  return {
    name: [*networks.get(name, []), *others.get(name, [])]
    for name in (*networks, *(name for name in others if name not in networks))
  }


def within_budget_of(
  runs: list[Run], networks: dict[str, list[Run]]
) -> dict[str, list[Run]]:
  """The networks, cut where they had seen as many images as the runs were given.

  How long a run is meant to be changes none of its steps, so that the beginning of a
  long one is the short one; but for its last evaluation, which comes at the end of the
  budget, up to half an interval before or after that of the long one.
  """
  images = max(run.summary['num_steps'] * run.config['batch_size'] for run in runs)
  return {
    name: [_until(run, images / run.config['batch_size']) for run in of_name]
    for name, of_name in networks.items()
  }


def _until(run: Run, step: float) -> Run:
  steps = run.curves['step']
  last = step + np.diff(steps[:2]).sum() / 2
  curves = {name: values[steps <= last] for name, values in run.curves.items()}
  between = run.summary['diverged_between_steps']
  diverged = between is not None and between[0] < step
  return run._replace(curves=curves, summary=run.summary | {'diverged': diverged})
