"""Numbers of results/index.html: curves, steps to every target, changes, MNIST's grid.

All that is estimated is estimated here, by what the other pages are made with; the page
draws it. Numbers are rounded, so that machines that differ in the last bit agree.
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bn_repro.paper import section_4_1_grid as grid_lib
from bn_repro.paper import section_4_2_1_changes as changes_lib
from bn_repro.paper import section_4_2_1_stage_3 as stage_3_lib
from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper import stages
from bn_repro.paper.section_4_2_networks import NAMES, PLAIN, Networks
from bn_repro.report import collect, crossing, seeds, speed_up, tables
from bn_repro.report.collect import Run
from bn_repro.report.effects import Effect
from bn_repro.run.errors import UserError

# Whole percent, and the targets of claims among them.
TARGETS = tuple(round(100 * float(target)) for target in comparison.PROFILE)
# Steps of the table beside figure 2.
STEPS = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
DECIMALS, SIGNIFICANT_DIGITS = 5, 5  # of curves; of effects
Rows = list[dict[str, Any]]


def networks_in(results: Path) -> tuple[Networks, list[str]]:
  """The runs of figures 2 and 3, and their sweeps, as results/inception/README.md."""
  loaded = {}

  def load(sweep: str) -> list[Run]:
    return loaded.setdefault(sweep, collect.load(results / 'inception', sweep))

  networks = family.figure_3(load)
  shown = {*map(id, family.all_runs(networks))}
  return networks, [name for name, runs in loaded.items() if shown & {*map(id, runs)}]


def needed(results: Path, sweep: str) -> list[Run]:
  """The runs of a sweep, such as 'mnist/grid'; UserError without them."""
  folder, name = sweep.split('/')
  if not (runs := collect.load(results / folder, name)):
    raise UserError(
      f'no {results}/{sweep}.json; run scripts/report.py --report={folder} first'
    )
  return runs


def described(networks: Networks) -> Rows:
  """What the page needs to know of each network; `hours` are of a step."""
  _, seconds = comparison.seconds_per_step()
  return [
    {
      'id': name, 'name': NAMES[name], 'seeds': len(runs),
      'images': runs[0].config['batch_size'],
      'hours': seconds[name] / 3600,
    }
    for name, runs in networks.items()
  ]  # fmt: skip


def curves(networks: Networks, smooth: bool) -> dict[str, dict[str, Any]]:
  """For each network the curves of its seeds, and their mean and range.

  Accuracy is 0 to 1; `smooth`: smoothed as for the steps to a target.
  """
  chosen = {
    name: [_curve(run, smooth) for run in runs] for name, runs in networks.items()
  }
  return {
    name: {
      'seeds': [
        {'seed': run.config['seed'], 'step': _rounded(step), 'mean': _rounded(accuracy)}
        for run, (step, accuracy) in zip(networks[name], of_seeds)
      ],
      'band': _band(of_seeds),
    }
    for name, of_seeds in chosen.items()
  }


def _curve(run: Run, smooth: bool) -> tuple[np.ndarray, np.ndarray]:
  steps, accuracy = run.curves['step'], run.curves['test_accuracy']
  return crossing.smoothed(steps, accuracy) if smooth else (steps, accuracy)


def _band(of_seeds: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, list]:
  at, values = seeds.aligned(of_seeds)
  ends = {'mean': values.mean(0), 'low': values.min(0), 'high': values.max(0)}
  return {'step': _rounded(at)} | {name: _rounded(v) for name, v in ends.items()}


def _rounded(values: Iterable[float]) -> list[float]:
  whole = [round(float(value), DECIMALS) for value in values]
  return [int(value) if value.is_integer() else value for value in whole]


def accuracy_table(networks: Networks) -> list[tuple[str, ...]]:
  """Figure 2 as text: mean accuracy of each network, and its range, at `STEPS`."""
  rows = []
  for name, runs in networks.items():
    band = _band([_curve(run, smooth=True) for run in runs])
    rows.append((NAMES[name], *(_at(band, step) for step in STEPS)))
  return rows


def _at(band: dict[str, list], step: int) -> str:
  if not band['step'][0] <= step <= band['step'][-1]:
    return ''
  mean, low, high = (
    100 * np.interp(step, band['step'], band[end]) for end in ('mean', 'low', 'high')
  )
  return f'{mean:.1f}' if low == high else f'{mean:.1f} ({low:.1f} to {high:.1f})'


def targets(networks: Networks, percents: Sequence[int] = TARGETS) -> dict[int, Rows]:
  """Steps of each network to each target, and its speed-up over Inception."""
  return {percent: _to_target(networks, percent / 100) for percent in percents}


def _to_target(networks: Networks, target: float) -> Rows:
  crossings = {
    name: [crossing.crossing(run, target) for run in runs]
    for name, runs in networks.items()
  }
  means = dict(zip(networks, np.exp(speed_up.fit(speed_up.runs_of(crossings)).mean)))
  rows = []
  for name, runs in networks.items():
    effect = None
    if name != PLAIN:
      effect = speed_up.speed_up(networks, name, PLAIN, target)
    rows.append({
      'id': name,
      'reached': f'{sum(not c.is_censored for c in crossings[name])} of {len(runs)}',
      'steps': f'{means[name]:,.0f}' if math.isfinite(means[name]) else 'not reached',
      'seeds': ', '.join(
        f'{"more than " * c.is_censored}{c.steps:,.0f}' for c in crossings[name]
      ),
      **(interval(effect, '{:.2f}') if effect else {'text': '1', 'value': 1}),
    })  # fmt: skip
  return rows


def interval(effect: Effect, form: str) -> dict[str, Any]:
  """An effect as text and as numbers, None where not finite."""
  known = not math.isnan(effect.value)
  numbers = (tables.digits(end, SIGNIFICANT_DIGITS) for end in effect[:3])
  ends = zip(('value', 'low', 'high'), numbers)
  return {'text': effect.text(form) if known else 'neither arrives', **dict(ends)}


def changes(networks: Networks, runs: list[Run]) -> Rows:
  """Section 4.2.1: each change in each setting that was run, and the mean of both."""
  ablation = changes_lib.compare(networks, runs)
  rows = []
  for field, pairs in ablation.pairs.items():
    settings = [pair.setting for pair in pairs]
    for setting in [changes_lib.BOTH, *settings] if len(pairs) > 1 else settings:
      title, paper = changes_lib.CHANGES[field]
      rows.append({
        'change': title, 'paper': paper, 'setting': setting or 'mean of both settings',
        'accuracy': interval(ablation.accuracy(field, setting), '{:+.1f}'),
        'speed_up': interval(ablation.ratio_of_steps(field, setting), '{:.2f}'),
      })  # fmt: skip
  return rows


def stage_3(runs: list[Run]) -> Rows:
  """The seven main effects of the protocol's 32 runs; [] before all are there."""
  if not (runs := stages.if_whole(stage_3_lib.STAGE, runs)):
    return []
  design = stage_3_lib.design_of(runs)
  target = tables.rounded(design.target, 0) if design.log_steps else None
  return [
    {
      'change': title, 'setting': f'{len(runs)} runs of the protocol',
      'accuracy': interval(design.accuracy.effect(factor), '{:+.2f}'),
      'speed_up': interval(design.speed_up(factor), '{:.2f}'), 'target': target,
    }
    for factor, title in stage_3_lib.factors().items()
  ]  # fmt: skip


def grid(runs: list[Run]) -> Rows:
  """MNIST's grid: accuracy over seeds after each of `grid_lib.STEPS`."""
  return [
    {
      'network': grid_lib.NAMES[network], 'step': step,
      'learning_rate': f'{setting.learning_rate:g}',
      'deviation': f'{setting.init_std:g}', 'remark': setting.failures(),
      **_cell(setting.at(step)),
    }
    for network, settings in grid_lib.settings(runs).items()
    for setting in settings
    for step in grid_lib.STEPS
  ]  # fmt: skip


def grid_table(runs: list[Run]) -> list[tuple[str, ...]]:
  """The same as text, a row for each network, learning rate and deviation."""
  settings = grid_lib.settings(runs).items()
  return [(grid_lib.NAMES[name], *s.row()) for name, of_one in settings for s in of_one]


def _cell(accuracy: np.ndarray) -> dict[str, Any]:
  """In percent the mean over the seeds that got there, None if none did."""
  there = 100 * accuracy[np.isfinite(accuracy)]
  mean = round(float(there.mean()), 2) if len(there) else None
  return {'value': mean, 'text': tables.percent(accuracy)}
