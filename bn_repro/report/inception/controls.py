"""What the paper says in prose around figure 3: rates, dropout, normalization."""

from pathlib import Path

import numpy as np

from bn_repro.report import tables
from bn_repro.report.collect import Run
from bn_repro.report.inception import figures
from bn_repro.report.inception import runs as family
from bn_repro.report.inception.figure_3 import faster, maximum
from bn_repro.report.inception.runs import NAMES, PLAIN, best
from bn_repro.report.tables import rounded

RATES = """\
## How high the learning rate can be (claims 14, 15 and 16)

Within {budget}, of every run.

![Learning rates](learning_rates.png)

{table}

{best}
What follows for the claims is in [claims.md](../claims.md).
"""
OVERFITTING = """\
## Overfitting, with dropout and without (claim 17)

Accuracy on training and on validation images, both undistorted, after {budget}.

![Overfitting](overfitting.png)

{table}
"""
NORMALIZATION = """\
## What the normalization sees

Within {budget}.

{table}

Mini-batches of 128 take a quarter of the steps for as many images, at the same rate;
compare these rows with each other.

### Algorithm 2 beside the moving average

By how many points of validation accuracy the moving average, with a decay of {decay:g},
is above algorithm 2 (below, if negative), over the evaluations of a run:

{tracking}
"""


def rates(networks: dict[str, list[Run]], runs: list[Run], results: Path) -> str:
  """The section on learning rates; draws its figure, too."""
  networks = family.within_budget_of(runs, networks)
  plain = [*networks[PLAIN], *_of(runs, PLAIN)]
  recipe = [
    *networks.get('bn_x5', []),
    *networks.get('bn_x30', []),
    *_of(runs, 'bn_x5'),
  ]
  families = {
    PLAIN: plain, 'bn_x5': recipe, 'inception_sigmoid': _of(runs, 'inception_sigmoid'),
  }  # fmt: skip
  families = {name: of_family for name, of_family in families.items() if of_family}
  figures.learning_rates(families, results / 'learning_rates.png')
  rows = [
    [NAMES[name], f'{rate:g}', str(len(group)), maximum(group),
     tables.steps(tables.over(group, family.best_step))]
    for name, of_family in families.items()
    for (rate,), group in tables.group_by(of_family, 'learning_rate').items()
  ]  # fmt: skip
  head = ('recipe', 'learning rate', 'seeds', 'maximum accuracy', 'at step')
  return RATES.format(
    budget=runs[0].config['train_for'],
    table=tables.markdown(head, rows), best=_best_rates(plain, recipe),
  )  # fmt: skip


def _of(runs: list[Run], network: str) -> list[Run]:
  return [run for run in runs if run.config['network'] == network]


def _best_rates(plain: list[Run], recipe: list[Run]) -> str:
  """The speed-up with each side at its best rate, one seed each; '' without both."""
  recipe, plain = (
    [r for r in runs if r.config['seed'] == 0] for runs in (recipe, plain)
  )
  if not (recipe and plain):
    return ''
  ours, theirs = (max(runs, key=best) for runs in (recipe, plain))
  quickest = min(recipe, key=lambda run: run.steps_to(best(theirs)))
  found = family.speed_up([theirs], [quickest])
  takes = (
    f'the recipe takes {faster(found)} times fewer at rate '
    f'{quickest.config["learning_rate"]:g}'
    if found.reached
    else 'the recipe does not come at any rate'
  )
  return (
    f'With each side at its own best rate (seed 0): the plain network reaches '
    f'{rounded(best(theirs))} at rate {theirs.config["learning_rate"]:g}, the recipe '
    f'of BN-x5 {rounded(best(ours))} at {ours.config["learning_rate"]:g}. To the '
    f'maximum of the plain one, {theirs.steps_to(best(theirs)):,.0f} steps, {takes}.\n'
  )


def overfitting(networks: dict[str, list[Run]], runs: list[Run], results: Path) -> str:
  """The section on pairs that differ in dropout alone; '' if there are none."""
  if not runs:
    return ''
  networks = family.within_budget_of(runs, networks)
  of_name = {run.name: run for run in runs}
  pairs = {
    'BN-Baseline': (networks.get('bn_baseline'), 'bn_baseline_with_dropout'),
    'BN-x5': (networks.get('bn_x5'), 'bn_x5_without_dropout'),
  }
  pairs = {
    title: sorted((group[0], of_name[name]), key=_dropout, reverse=True)
    for title, (group, name) in pairs.items()
    if group and name in of_name
  }
  if not pairs:
    return ''
  figures.overfitting(pairs, results / 'overfitting.png')
  rows = [
    [title, f'{_dropout(run):g}', *_at_end(run), rounded(best(run))]
    for title, pair in pairs.items()
    for run in pair
  ]
  head = ('network', 'dropout', 'training', 'validation', 'gap', 'maximum')
  budget = runs[0].config['train_for']
  return OVERFITTING.format(budget=budget, table=tables.markdown(head, rows))


def _at_end(run: Run) -> list[str]:
  """Accuracy on training images, on validation images, and the gap."""
  if run.summary['diverged']:
    return ['diverged', '', '']
  of_training = run.at_end('train_accuracy_undistorted')
  return [rounded(of_training), rounded(run.at_end()), f'{100 * run.gap:.1f} points']


def _dropout(run: Run) -> float:
  return run.config['model.dropout']


def normalization(networks: dict[str, list[Run]], runs: list[Run]) -> str:
  """The section on groups, precision and the moving average."""
  usual = family.within_budget_of(runs, networks).get('bn_x5', [])[:1]
  head = ('mini-batch', 'groups of', 'dtype', 'maximum accuracy', 'at step', 'images')
  rows = [
    [str(run.config['batch_size']), str(run.config['model.normalization_group']),
     run.config['model.dtype'], maximum([run]), f'{family.best_step(run):,.0f}',
     f'{family.best_step(run) * run.config["batch_size"]:,.0f}']
    for run in (*usual, *runs)
  ]  # fmt: skip
  groups = {NAMES[name]: of_name for name, of_name in networks.items()}
  groups |= {f'BN-x5, {_setting(run)}': [run] for run in runs}
  return NORMALIZATION.format(
    budget=runs[0].config['train_for'], table=tables.markdown(head, rows),
    decay=runs[0].config['model.decay'], tracking=_tracking(groups),
  )  # fmt: skip


def _setting(run: Run) -> str:
  size, group = (run.config[n] for n in ('batch_size', 'model.normalization_group'))
  return f'{size} in groups of {group}, {run.config["model.dtype"]}'


def _tracking(groups: dict[str, list[Run]]) -> str:
  """How far the moving average is from algorithm 2, early and late."""
  rows = []
  for name, runs in groups.items():
    early, later = _apart(runs, slice(1, 6)), _apart(runs, slice(6, None))
    if len(everything := np.concatenate([early, later])):
      means = (f'{part.mean():+.1f}' if len(part) else '' for part in (early, later))
      rows.append([name, *means, f'{np.abs(everything).max():.1f}'])
  head = ('network', 'epochs 1 to 5, mean', 'later, mean', 'largest difference')
  return tables.markdown(head, rows)


def _apart(runs: list[Run], evaluations: slice) -> np.ndarray:
  """The differences in points; none without BN, or once a run has diverged."""
  moving = 'test_accuracy_moving_average'
  curves = [run.curves for run in runs if moving in run.curves]
  points = [100 * (of[moving] - of['test_accuracy'])[evaluations] for of in curves]
  together = np.concatenate([[], *points])
  return together[np.isfinite(together)]
