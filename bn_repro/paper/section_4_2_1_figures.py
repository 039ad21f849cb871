"""The figures around figure 3: decay, learning rates, the seven changes, dropout."""

from pathlib import Path

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt
import numpy as np

from bn_repro.paper.section_4_2_1_changes import CHANGES, Ablation
from bn_repro.paper.section_4_2_comparison import accuracy_until
from bn_repro.paper.section_4_2_figure_2 import COLOURS, setting
from bn_repro.paper.section_4_2_networks import NAMES, PLAIN, SLOW_DECAY
from bn_repro.report import effects
from bn_repro.report.collect import Run
from bn_repro.report.figures import draw, save
from bn_repro.report.intervals import pooled_deviation
from bn_repro.report.tables import group_by

ONE_RUN = 'one run each'


def decay(networks: dict[str, list[Run]], path: Path) -> None:
  """Accuracy of BN-x5 with two decays of its learning rate (section 4.2.1).

  Solid: validation images; dashed: training images, undistorted. Means over the seeds
  of each, and bands that span them.

  Args:
    networks: the plain network, BN-x5 and BN-x5 with the slow decay.
    path: the PNG to write.
  """
  figure, axes = plt.subplots(figsize=(7, 4.2), layout='constrained')
  names = (PLAIN, 'bn_x5', SLOW_DECAY)
  for name in names:
    runs, style = networks[name], {'color': COLOURS[name]}
    label = f'{NAMES[name]} ({len(runs)} seeds)'
    draw(axes, runs, 'test_accuracy', label=label, **style)
    draw(axes, runs, 'train_accuracy_undistorted', ls='--', lw=1, **style)
  axes.set(xlabel='training steps', ylabel='accuracy, undistorted centre crops')
  axes.set(title=setting(networks[PLAIN][0]), ylim=(0.4, 1), xscale='log')
  axes.set_xlim(300, None)
  axes.grid(alpha=0.3)
  axes.legend(loc='lower right', fontsize=8)
  save(figure, path, [run for name in names for run in networks[name]])


def learning_rates(families: dict[str, list[Run]], path: Path) -> None:
  """Accuracy at the end against the learning rate, with 95 % intervals.

  The spread between seeds is pooled over all rates; a cross is a run that diverged.

  Args:
    families: runs of one recipe at several rates, by the name of its network.
    path: the PNG to write.
  """
  figure, axes = plt.subplots(figsize=(7, 4.2), layout='constrained')
  runs = [run for of_family in families.values() for run in of_family]
  groups = [
    group
    for of_family in families.values()
    for group in group_by(of_family, 'learning_rate').values()
  ]
  spread = pooled_deviation([accuracy_until(run) for run in group] for group in groups)
  for network, of_family in families.items():
    _draw_rates(axes, of_family, spread, color=COLOURS[network], label=NAMES[network])
  chance = 1 / runs[0].config['dataset.num_classes']
  axes.axhline(chance, color='grey', ls=':', lw=1, label='chance')
  axes.set(xscale='log', xlabel='learning rate', ylim=(0, None))
  axes.set_ylabel('validation accuracy after the last epochs')
  axes.set_title(f'{setting(runs[0])}; most points are one run')
  axes.grid(alpha=0.3)
  axes.legend(fontsize=8)
  save(figure, path, runs)


def _draw_rates(axes, runs, spread, label, **style):
  """A mean and an interval for each rate, and a cross for each run that diverged."""
  finished = [run for run in runs if not run.summary['diverged']]
  rates = group_by(finished, 'learning_rate')
  estimates = [
    effects.contrast([(1.0, [accuracy_until(run) for run in group])], spread)
    for group in rates.values()
  ]
  middle = np.array([estimate.value for estimate in estimates])
  error = np.array([estimate.high - estimate.value for estimate in estimates])
  error = None if np.isnan(error).any() else error
  axes.errorbar([rate for (rate,) in rates], middle, error, fmt='o-', ms=4, capsize=3,
                label=label, **style)  # fmt: skip
  diverged = [run for run in runs if run.summary['diverged']]
  at = [run.config['learning_rate'] for run in diverged]
  axes.plot(at, [accuracy_until(run) for run in diverged], 'x', ms=9, **style)


def ablation(found: Ablation, path: Path, runs: list[Run]) -> None:
  """What each of the seven changes gives, with 95 % intervals.

  Args:
    found: every change in both settings.
    path: the PNG to write.
    runs: behind it.
  """
  changes = [change for change in CHANGES if change.field in found.pairs][::-1]
  settings = list(
    dict.fromkeys(p.setting for c in changes for p in found.pairs[c.field])
  )
  figure, axes = plt.subplots(figsize=(8, 4.6), layout='constrained')
  for offset, name in zip((-0.2, 0.0, 0.2), [*settings, '']):
    rows = [
      (row + offset, found.accuracy(change.field, name))
      for row, change in enumerate(changes)
      if not name or name in [pair.setting for pair in found.pairs[change.field]]
    ]
    at = [row for row, _ in rows]
    values = np.array([effect.value for _, effect in rows])
    error = np.array([effect.high - effect.value for _, effect in rows])
    axes.errorbar(values, at, xerr=None if np.isnan(error).any() else error, capsize=3,
                  fmt='o' if name else 'D', label=name or 'mean of both')  # fmt: skip
  axes.set_yticks(range(len(changes)), [change.title for change in changes])
  axes.axvline(0, color='black', lw=1)
  axes.set_xlabel('points of accuracy after 20 epochs, 95 % interval')
  axes.grid(alpha=0.3, axis='x')
  axes.legend(fontsize=8)
  save(figure, path, runs)


def overfitting(pairs: dict[str, tuple[Run, Run]], path: Path) -> None:
  """Accuracy on training and on validation images, with dropout and without.

  Args:
    pairs: by the name of a panel, the run with dropout and the one without.
    path: the PNG to write.
  """
  figure, panels = plt.subplots(
    1, len(pairs), figsize=(10, 3.8), sharey=True, layout='constrained'
  )
  for axes, (title, runs) in zip(np.atleast_1d(panels), pairs.items()):
    for run, colour in zip(runs, ('tab:orange', 'tab:blue')):
      steps, name = run.curves['step'], f'dropout {run.config["model.dropout"]:g}'
      of_training = run.curves['train_accuracy_undistorted']
      axes.plot(steps, of_training, '--', color=colour, label=f'{name}, training')
      axes.plot(steps, run.curves['test_accuracy'], color=colour,
                label=f'{name}, validation')  # fmt: skip
    axes.set(title=f'{title}, {ONE_RUN}', xlabel='training steps', ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc='lower right')
  np.atleast_1d(panels)[0].set_ylabel('accuracy, undistorted centre crops')
  save(figure, path, [run for of_panel in pairs.values() for run in of_panel])
