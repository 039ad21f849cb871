"""The figures of section 4.2.2, drawn from collected runs."""

from pathlib import Path

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt
import numpy as np

from bn_repro.report.collect import Run
from bn_repro.report.figures import draw, save
from bn_repro.report.inception import runs as family
from bn_repro.report.inception.runs import NAMES, PLAIN, best, best_step
from bn_repro.report.tables import group_by

COLOURS = {
  'inception': 'tab:orange',
  'bn_baseline': 'tab:green',
  'bn_x5': 'tab:blue',
  'bn_x30': 'tab:purple',
  'bn_x5_sigmoid': 'tab:brown',
  'inception_sigmoid': 'tab:red',
}
AXES = {
  'training steps': lambda run: 1.0,
  'training images': lambda run: run.config['batch_size'],
  'hours of training': lambda run: family.seconds_per_step(run) / 3600,
}


def figure_2(networks: dict[str, list[Run]], path: Path) -> None:
  """Figure 2: validation accuracy against steps, images and time.

  Lines are means over the seeds as far as all of them go, bands span the seeds, a thin
  line is a seed that went on alone, and a diamond is where a network meets the maximum
  of the plain one.

  Args:
    networks: the runs of each, some seeds, in the order of the legend.
    path: the PNG to write.
  """
  figure, panels = plt.subplots(
    1, 3, figsize=(12, 4), sharey=True, layout='constrained'
  )
  for axes, (label, per_step) in zip(panels, AXES.items()):
    for network, runs in networks.items():
      _draw_network(axes, network, runs, networks[PLAIN], per_step)
    axes.set(xlabel=label, xlim=(0, None), ylim=(0, None))
    axes.locator_params(axis='x', nbins=5)
    axes.grid(alpha=0.3)
  panels[0].set_ylabel('validation accuracy, single crop')
  panels[1].legend(loc='lower right', fontsize=8)
  figure.suptitle(f'Figure 2 on {_setting(networks[PLAIN][0])}')
  save(figure, path, [run for runs in networks.values() for run in runs])


def _draw_network(axes, network, runs, plain, per_step):
  scale = float(np.mean([per_step(run) for run in runs]))
  style = {'color': COLOURS[network]}
  name = f'{NAMES[network]} ({len(runs)} seed{"s" * (len(runs) > 1)})'
  draw(axes, runs, 'test_accuracy', scale, label=name, **style)
  _draw_rest(axes, runs, scale, style)
  reached = family.steps_to_target(plain, runs)
  target = np.mean([best(run) for run in plain])
  if len(reached) and np.isfinite(reached).all():
    axes.plot(reached.mean() * scale, target, 'D', mec='black', ms=6, zorder=3, **style)
  if network == PLAIN:
    axes.axhline(target, color='grey', ls=':', lw=1)


def _draw_rest(axes, runs, scale, style):
  """Each seed from where the first of them ended."""
  common = min(len(run.curves['step']) for run in runs) - 1
  for run in runs:
    steps, accuracy = run.curves['step'][common:], run.curves['test_accuracy'][common:]
    axes.plot(steps * scale, accuracy, lw=0.6, **style)


def decay(plain: list[Run], usual: list[Run], slow: list[Run], path: Path) -> None:
  """Accuracy of BN-x5 with two decays of its rate (section 4.2.1), and the plain one's.

  Solid: validation images; dashed: training images, undistorted. Means over the seeds
  of each, and bands that span them.

  Args:
    plain, usual, slow: runs of Inception, of BN-x5 and of BN-x5 with the decay of
      Inception, some seeds of each.
    path: the PNG to write.
  """
  figure, axes = plt.subplots(figsize=(7, 4.2), layout='constrained')
  lines = {
    'Inception': (plain, 'tab:orange'),
    'BN-x5': (usual, 'tab:blue'),
    'BN-x5, decay of Inception': (slow, 'tab:green'),
  }
  for name, (runs, colour) in lines.items():
    draw(axes, runs, 'test_accuracy', color=colour, label=name)
    draw(axes, runs, 'train_accuracy_undistorted', ls='--', color=colour, lw=1)
  axes.axhline(np.mean([*map(best, plain)]), color='grey', ls=':', lw=1)
  axes.set(xlabel='training steps', ylabel='accuracy, undistorted centre crops')
  axes.set(title=_setting(plain[0]), ylim=(0.3, 1))
  axes.set_xlim(0, 2 * slow[0].curves['step'][-1])
  axes.grid(alpha=0.3)
  axes.legend(loc='lower right', fontsize=8)
  save(figure, path, [*plain, *usual, *slow])


def _setting(run: Run) -> str:
  config = run.config
  return (
    f'{config["dataset.name"]} at {config["dataset.size"]} pixels, width '
    f'{config["model.width"]:g}'
  )


def learning_rates(families: dict[str, list[Run]], path: Path) -> None:
  """Best accuracy against the learning rate; crosses are runs that diverged.

  Args:
    families: runs of one recipe at several rates, by the name of its network.
    path: the PNG to write.
  """
  figure, axes = plt.subplots(figsize=(7, 4.2), layout='constrained')
  for network, of_family in families.items():
    _draw_rates(axes, of_family, color=COLOURS[network], label=NAMES[network])
  runs = [run for of_family in families.values() for run in of_family]
  if any(run.summary['diverged'] for run in runs):
    axes.plot([], [], 'x', color='black', label='diverged, best before')
  chance = 1 / runs[0].config['dataset.num_classes']
  axes.axhline(chance, color='grey', ls=':', lw=1, label='chance')
  axes.set(xscale='log', xlabel='learning rate', ylim=(0, None))
  axes.set_ylabel('best validation accuracy')
  axes.set_title(f'{_setting(runs[0])}; a point is a run')
  axes.grid(alpha=0.3)
  axes.legend(fontsize=8)
  save(figure, path, runs)


def _draw_rates(axes, runs, label, **style):
  """A line through the means of those that finished, and a mark for each run."""
  finished = [run for run in runs if not run.summary['diverged']]
  diverged = [run for run in runs if run.summary['diverged']]
  rates = group_by(finished, 'learning_rate')
  middle = [np.mean([best(run) for run in group]) for group in rates.values()]
  axes.plot([rate for (rate,) in rates], middle, '-', label=label, **style)
  for marker, size, group in (('o', 5, finished), ('x', 9, diverged)):
    at = [run.config['learning_rate'] for run in group]
    axes.plot(at, [best(run) for run in group], marker, ms=size, **style)


def ablation(effects: list, path: Path, runs: list[Run]) -> None:
  """What each of the seven changes gives alone, largest first, with intervals.

  Args:
    effects: of `ablation.effects`, in both settings.
    path: the PNG to write.
    runs: behind the effects.
  """
  settings = list(dict.fromkeys(effect.setting for effect in effects))
  figure, panels = plt.subplots(
    1, len(settings), figsize=(11, 3.8), sharex=True, layout='constrained'
  )
  for axes, setting in zip(np.atleast_1d(panels), settings):
    shown = sorted((e for e in effects if e.setting == setting), key=_mean)
    means = np.asarray([100 * effect.accuracy.mean for effect in shown])
    low = means - [100 * effect.accuracy.low for effect in shown]
    error = None if np.isnan(low).any() else low
    colours = ['tab:blue' if mean >= 0 else 'tab:orange' for mean in means]
    axes.barh([e.title for e in shown], means, xerr=error, color=colours, capsize=3)
    axes.axvline(0, color='black', lw=1)
    axes.set(title=setting, xlabel='points of best accuracy that the change gives')
    axes.grid(alpha=0.3, axis='x')
  save(figure, path, runs)


def _mean(effect) -> float:
  return effect.accuracy.mean


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
      axes.plot(best_step(run), best(run), 'o', color=colour, ms=5)
    axes.set(title=title, xlabel='training steps', ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc='lower right')
  np.atleast_1d(panels)[0].set_ylabel('accuracy, undistorted centre crops')
  save(figure, path, [run for of_panel in pairs.values() for run in of_panel])
