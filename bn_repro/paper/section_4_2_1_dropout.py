"""Section 4.2.1: overfitting, with dropout and without (claim 17)."""

from pathlib import Path

from bn_repro.paper.section_4_2_comparison import accuracy_until
from bn_repro.paper.section_4_2_networks import Networks, all_runs, within_budget_of
from bn_repro.report import pages, tables
from bn_repro.report.collect import Run
from bn_repro.report.figures import panels, save
from bn_repro.report.tables import rounded

# By panel: a network, and the run of the ablation that differs from it in dropout only.
PAIRS = {
  'BN-Baseline': ('bn_baseline', 'bn_baseline_with_dropout'),
  'BN-x5': ('bn_x5', 'bn_x5_without_dropout'),
}


def section(networks: Networks, runs: list[Run], results: Path) -> str:
  """The text, '' without a pair of runs; draws the figure into the folder."""
  networks = within_budget_of(runs, networks)
  by_name = {run.name: run for run in runs}
  pairs = {
    panel: sorted((networks[network][0], by_name[name]), key=_dropout, reverse=True)
    for panel, (network, name) in PAIRS.items()
    if network in networks and name in by_name
  }
  if not pairs:
    return ''
  _figure(pairs, results / 'overfitting.png')
  rows = [
    [panel, f'{_dropout(run):g}', *_at_end(run), rounded(accuracy_until(run))]
    for panel, pair in pairs.items()
    for run in pair
  ]
  head = ('network', 'dropout', 'training', 'validation', 'gap', 'last tenth')
  return pages.render(
    'section_4_2_1_dropout',
    budget=runs[0].config['train_for'], table=tables.markdown(head, rows),
  )  # fmt: skip


def _dropout(run: Run) -> float:
  return run.config['model.dropout']


def _at_end(run: Run) -> list[str]:
  """Accuracy on training images, on validation images, and the gap."""
  if run.diverged:
    return ['diverged', '', '']
  training = run.at_end('train_accuracy_undistorted')
  return [rounded(training), rounded(run.at_end()), f'{100 * run.gap:.1f} points']


def _figure(pairs: dict[str, list[Run]], path: Path) -> None:
  figure, grid = panels(len(pairs), 10 / len(pairs), 3.8, sharey=True)
  for axes, (panel, runs) in zip(grid, pairs.items()):
    for run, colour in zip(runs, ('tab:orange', 'tab:blue')):
      steps, name = run.curves['step'], f'dropout {_dropout(run):g}'
      training = run.curves['train_accuracy_undistorted']
      axes.plot(steps, training, '--', color=colour, label=f'{name}, training')
      validation = run.curves['test_accuracy']
      axes.plot(steps, validation, color=colour, label=f'{name}, validation')
    axes.set(title=f'{panel}, one run each', xlabel='training steps', ylim=(0, 1))
    axes.legend(fontsize=8, loc='lower right')
  grid[0].set_ylabel('accuracy, undistorted centre crops')
  save(figure, path, all_runs(pairs))
