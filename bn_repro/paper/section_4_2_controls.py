"""What the paper says in prose around figure 3: rates, dropout, normalization."""

from pathlib import Path

import numpy as np

from bn_repro.paper import section_4_2_1_figures as figures_of_changes
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper.section_4_2_comparison import accuracy_until
from bn_repro.paper.section_4_2_figure_3 import speed_up
from bn_repro.paper.section_4_2_networks import NAMES, PLAIN
from bn_repro.report import tables
from bn_repro.report.collect import Run
from bn_repro.report.tables import rounded

# Both sides reach it within the 20 epochs of the sweep.
RATE_TARGET = 0.5
RATES = """\
## How high the learning rate can be (claims 14, 15 and 16)

Accuracy is the mean over the last tenth of {budget}.

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

Mean over the last tenth of {budget}.

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
  whole, networks = networks, family.within_budget_of(runs, networks)
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
  figures_of_changes.learning_rates(families, results / 'learning_rates.png')
  rows = [
    [NAMES[name], f'{rate:g}', str(len(group)), outcome(group)]
    for name, of_family in families.items()
    for (rate,), group in tables.group_by(of_family, 'learning_rate').items()
  ]  # fmt: skip
  head = ('recipe', 'learning rate', 'runs', 'accuracy')
  return RATES.format(
    budget=runs[0].config['train_for'],
    table=tables.markdown(head, rows), best=best_rates(whole, runs),
  )  # fmt: skip


def _of(runs: list[Run], network: str) -> list[Run]:
  return [run for run in runs if run.config['network'] == network]


def outcome(runs: list[Run]) -> str:
  """Mean and standard deviation of the accuracy; how many diverged or never rose."""
  text = tables.percent(tables.over(runs, accuracy_until))
  failed = {
    'diverged': sum(run.summary['diverged'] for run in runs),
    'at chance': sum(map(family.is_at_chance, runs)),
  }
  remarks = ', '.join(f'{number} {name}' for name, number in failed.items() if number)
  return f'{text} ({remarks})' if remarks else text


def at_best_rates(
  networks: dict[str, list[Run]], runs: list[Run]
) -> dict[str, list[Run]]:
  """Each side at its own best learning rate, within the budget of the sweep.

  Args:
    networks: of figure 3.
    runs: of the sweep of learning rates.

  Returns:
    The networks within that budget; instead of the plain network and of BN-x5 those
    runs of their recipes that have the best learning rate. None of either if the sweep
    lacks it.
  """
  within = family.within_budget_of(runs, networks)
  recipes = {
    PLAIN: [*within[PLAIN], *_of(runs, PLAIN)],
    'bn_x5': [
      *within.get('bn_x5', []), *within.get('bn_x30', []), *_of(runs, 'bn_x5')
    ],
  }  # fmt: skip
  best_of = {
    name: max(tables.group_by(recipe, 'learning_rate').values(), key=_mean_accuracy)
    for name, recipe in recipes.items()
    if recipe
  }
  others = {name: of for name, of in within.items() if name not in (*recipes, 'bn_x30')}
  return others | best_of


def _mean_accuracy(runs: list[Run]) -> float:
  return float(np.mean([accuracy_until(run) for run in runs]))


def best_rates(networks: dict[str, list[Run]], runs: list[Run]) -> str:
  """The speed-up with each side at its best learning rate."""
  chosen = at_best_rates(networks, runs)
  if not {PLAIN, 'bn_x5'} <= chosen.keys():
    return ''
  plain, recipe = chosen[PLAIN], chosen['bn_x5']
  return (
    f'**Both sides at their best learning rate**: Inception at '
    f'{plain[0].config["learning_rate"]:g} reaches {outcome(plain)} '
    f'({_number(plain)}), the recipe of BN-x5 at '
    f'{recipe[0].config["learning_rate"]:g} reaches {outcome(recipe)} '
    f'({_number(recipe)}). The speed-up to {rounded(RATE_TARGET, 0)} is '
    f'{speed_up(chosen, "bn_x5", RATE_TARGET)}{_at_papers_rate(networks)}.\n'
  )


def _at_papers_rate(networks) -> str:
  if 'bn_x30' not in networks:
    return ''
  usual = speed_up(networks, 'bn_x30', RATE_TARGET)
  return f', against {usual} of BN-x30 over Inception at the learning rate of the paper'


def _number(runs: list[Run]) -> str:
  return 'one run' if len(runs) == 1 else f'{len(runs)} runs'


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
  figures_of_changes.overfitting(pairs, results / 'overfitting.png')
  rows = [
    [title, f'{_dropout(run):g}', *_at_end(run), rounded(accuracy_until(run))]
    for title, pair in pairs.items()
    for run in pair
  ]
  head = ('network', 'dropout', 'training', 'validation', 'gap', 'last tenth')
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
  head = ('mini-batch', 'groups of', 'dtype', 'accuracy (one run)')
  rows = [
    [str(run.config['batch_size']), str(run.config['model.normalization_group']),
     run.config['model.dtype'], outcome([run])]
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
