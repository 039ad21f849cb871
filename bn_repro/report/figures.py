"""The figures of section 4.1, drawn from collected runs."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt
import numpy as np

from bn_repro.report.collect import Run
from bn_repro.report.tables import group_by, over
from bn_repro.run.percentiles import PERCENTILES

NAMES = {'baseline': 'Without BN', 'batch_norm': 'With BN'}
COLOURS = {'baseline': 'tab:orange', 'batch_norm': 'tab:blue'}


def figure_1(runs: list[Run], path: Path) -> None:
  """Figure 1: (a) test accuracy, (b, c) percentiles of one sigmoid's input.

  Args:
    runs: both networks, some seeds of each; (a) shows the mean and the range
      over seeds, (b) and (c) the lowest seed.
    path: the PNG to write.
  """
  figure, (a, b, c) = plt.subplots(1, 3, figsize=(11, 3.4), layout='constrained')
  networks = group_by(runs, 'network')
  for (network,), group in networks.items():
    _draw_accuracy(a, network, group)
  _finish_accuracy(a, runs)
  for axes, letter, network in ((b, 'b', 'baseline'), (c, 'c', 'batch_norm')):
    _draw_percentiles(axes, networks[(network,)][0])
    axes.set_title(f'({letter}) {NAMES[network]}, one unit, one run')
  c.sharey(b)
  b.set_ylabel('input of one sigmoid, last hidden layer')
  data = runs[0].summary['dataset']
  figure.suptitle(f'Figure 1 on {data}: three layers of 100 sigmoid units')
  save(figure, path, runs)


def _draw_accuracy(axes, network, group):
  name = f'{NAMES[network]} ({len(group)} seeds)'
  draw(axes, group, 'test_accuracy', color=COLOURS[network], label=name)


def _finish_accuracy(axes, runs):
  """The paper's axes: accuracy from 0.7 to 1, which cuts the first steps off."""
  axes.set_ylim(0.7, 1)
  axes.set(title='(a) test accuracy', xlabel='training steps')
  axes.set_xlim(0, runs[0].summary['num_steps'])
  axes.grid(alpha=0.3)
  axes.legend(loc='lower right')


def _draw_percentiles(axes, run):
  for percentile in PERCENTILES:
    values = run.curves[f'percentile_{percentile}']
    style = '-' if percentile == 50 else '--'
    axes.plot(run.curves['step'], values, style, color='black', lw=1)
    axes.annotate(f'{percentile} %', (run.curves['step'][-1], values[-1]), fontsize=8)
  axes.set_xlabel('training steps')
  axes.grid(alpha=0.3)


def figure_grid(runs: list[Run], path: Path) -> None:
  """Accuracy against learning rate, one panel for each initial deviation.

  Dashed: after 1,000 steps; solid: at the end. Bars span the seeds.
  """
  deviations = group_by(runs, 'model.init_std')
  figure, panels = plt.subplots(
    1, len(deviations), figsize=(11, 3.6), sharey=True, layout='constrained'
  )
  for axes, ((deviation,), group) in zip(np.atleast_1d(panels), deviations.items()):
    for (network,), of_network in group_by(group, 'network').items():
      _draw_rates(axes, network, of_network, 1_000, '--')
      _draw_rates(axes, network, of_network, of_network[0].summary['num_steps'], '-')
    axes.set(xscale='log', xlabel='learning rate', title=f'init std {deviation:g}')
    axes.grid(alpha=0.3)
  np.atleast_1d(panels)[0].set_ylabel('test accuracy')
  np.atleast_1d(panels)[-1].legend(loc='lower center', fontsize=8)
  save(figure, path, runs)


def _draw_rates(axes, network, runs, step, style):
  rates = group_by(runs, 'learning_rate')
  accuracy = [
    over(group, lambda run: run.accuracy_at(step)) for group in rates.values()
  ]
  middle = np.asarray([values.mean() for values in accuracy])
  span = np.abs(np.asarray([(v.min(), v.max()) for v in accuracy]) - middle[:, None])
  axes.errorbar(
    [rate for (rate,) in rates], middle, span.T, fmt=f'o{style}', ms=3, capsize=2,
    color=COLOURS[network], label=f'{NAMES[network]}, {step:,} steps',
  )  # fmt: skip


def draw(
  axes: Any, runs: list[Run], column: str | Callable[[Run], np.ndarray],
  per_step: float = 1.0, **style: Any,
) -> None:  # fmt: skip
  """The mean over seeds against steps, as far as all go, and a band that spans them.

  Args:
    axes: of Matplotlib.
    runs: that differ in their seeds.
    column: of their curves, or what makes `[evaluations]` of a run.
    per_step: what a step counts on the horizontal axis.
    style: of the line.
  """
  values_of = column if callable(column) else lambda run: run.curves[column]
  shortest = min(len(run.curves['step']) for run in runs)
  values = np.stack([values_of(run)[:shortest] for run in runs])
  at = runs[0].curves['step'][:shortest] * per_step
  (line,) = axes.plot(at, values.mean(0), **style)
  band = {'color': line.get_color(), 'alpha': 0.2, 'lw': 0}
  axes.fill_between(at, values.min(0), values.max(0), **band)


def save(figure, path: Path, runs: list[Run], *pages: Any) -> None:
  """Writes a PNG and, beside it, an SVG; both name the numbers they were drawn from.

  Args:
    figure: of Matplotlib, closed afterwards.
    path: of the PNG.
    runs: whose curves it shows; may be empty.
    pages: the JSON of evaluations or analyses that it shows.
  """
  names = [*([digest(runs)] if runs else []), *map(digest_of_page, pages)]
  if pages and not runs:  # measured on trained networks, of which there is one each
    figure.text(0.003, 0.004, 'one run', ha='left', va='bottom', fontsize=7)
  note = {'Description': ', '.join(names)}
  figure.savefig(path, dpi=130, metadata=note)
  # Without a date and random names of its parts, so that equal figures are equal files.
  with plt.rc_context({'svg.fonttype': 'none', 'svg.hashsalt': path.stem}):
    figure.savefig(path.with_suffix('.svg'), metadata=note | {'Date': None})
  plt.close(figure)


def digest_of_page(found: Any) -> str:
  """SHA-256 of a JSON value, to tell whether a figure was drawn from it."""
  text = json.dumps(found, sort_keys=True)
  return f'json sha256:{hashlib.sha256(text.encode()).hexdigest()}'


def digest(runs: list[Run]) -> str:
  """SHA-256 over the curves of some runs, to tell whether a figure is theirs."""
  total = hashlib.sha256()
  for run in runs:
    total.update(run.name.encode())
    for values in run.curves.values():
      total.update(values.tobytes())
  return f'curves sha256:{total.hexdigest()}'
