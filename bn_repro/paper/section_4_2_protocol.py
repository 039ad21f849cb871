"""The runs of protocol.md on the page: how many there are, what whole stages say."""

from pathlib import Path

import numpy as np

from bn_repro.paper import section_4_2_stages as stages
from bn_repro.paper.section_4_2_networks import NAMES, PLAIN, is_at_chance
from bn_repro.report import commands, learning_curve, tables
from bn_repro.report.collect import Run
from bn_repro.report.tables import rounded
from bn_repro.run import config as config_lib

STAGES = {
  'stage1_networks': '1: the networks of figure 3 to three seeds',
  'stage2_rates': '2a: the best learning rate of each side',
  'stage2_ladder': '2b: both sides at their best learning rate',
  'stage3_pilot': '3, pilot: the weight of the L2 penalty',
  'stage3_changes': '3: the seven changes in 32 runs',
  'stage4_controls': '4: initial weights and sigmoids without BN',
}
TEXT = """\
## The runs of the protocol

[protocol.md](protocol.md) says what they are for; it was written before the first of
them. A stage gives no estimate before all of its runs are there. Accuracy is that of
the averaged weights, mean of the last five evaluations.

{table}
"""


def text(of_sweep: dict[str, list[Run]]) -> str:
  """The section; '' before the first run of any stage."""
  if not any(of_sweep.get(stage) for stage in STAGES):
    return ''
  rows = [
    [title, f'{len(of_sweep.get(stage, []))} of {number_asked(stage)}']
    for stage, title in STAGES.items()
  ]
  parts = [TEXT.format(table=tables.markdown(('stage', 'runs'), rows))]
  for stage, write in WRITERS.items():
    if is_whole(stage, of_sweep.get(stage, [])):
      parts.append(f'### Stage {STAGES[stage]}\n\n{write(of_sweep[stage])}\n')
  return '\n'.join(parts)


def number_asked(stage: str) -> int:
  """How many runs a stage has."""
  path: Path = config_lib.PROJECT / commands.inception_sweep(stage)
  return len(config_lib.execute(path).get_runs())


def is_whole(stage: str, runs: list[Run]) -> bool:
  """Whether all runs of a stage are there."""
  return len(runs) == number_asked(stage)


def accuracy(run: Run) -> float:
  """Of the averaged weights over the last tenth, 0 to 1; without them, of the last."""
  column = 'test_accuracy_polyak'
  curve = run.curves.get(column, run.curves['test_accuracy'])
  return learning_curve.final_accuracy(run.curves['step'], curve)


def _rates(runs: list[Run]) -> str:
  rows = []
  for (network,), group in tables.group_by(runs, 'network').items():
    rates = [run.config['learning_rate'] for run in group]
    best = stages.best_rate(rates, [accuracy(run) for run in group])
    found = f'{best.rate:.3g} ({best.low:.3g} to {best.high:.3g})'
    inside = not np.isnan(best.rate)
    rows.append([NAMES[network], found if inside else 'none among those tried',
                 rounded(best.accuracy)])  # fmt: skip
  return tables.markdown(('network', 'best learning rate', 'accuracy there'), rows)


def _ladder(runs: list[Run]) -> str:
  ladders: dict[str, dict[int, list[float]]] = {}
  for (network, steps), group in tables.group_by(runs, 'network', 'train_for').items():
    length = int(steps.split()[0])
    ladders.setdefault(network, {})[length] = [accuracy(run) for run in group]
  plain = ladders[PLAIN]
  longest = max(plain)
  rows = []
  for network, ladder in ladders.items():
    means = ', '.join(f'{rounded(np.mean(v))} after {n:,}' for n, v in ladder.items())
    effect = None
    if network != PLAIN and len(ladder) > 1:
      effect = stages.ladder_speed_up(plain[longest], ladder, longest)
    rows.append([NAMES[network], means, effect.text('{:.2f}') if effect else ''])
  return tables.markdown(('network', 'accuracy', 'speed-up over Inception'), rows)


def _pilot(runs: list[Run]) -> str:
  rows = [
    [f'{weight:g}', tables.percent(tables.over(group, accuracy))]
    for (weight,), group in tables.group_by(runs, 'l2').items()
  ]
  return tables.markdown(('weight of the L2 penalty', 'accuracy'), rows)


def _changes(runs: list[Run]) -> str:
  levels = [levels_of(run.name) for run in runs]
  values = np.array([100 * accuracy(run) for run in runs])
  found = stages.factorial(levels, values)
  rows = [[factor, found.effect(factor).text('{:+.2f}')] for factor in found.main]
  strong = sorted(found.interactions.items(), key=lambda item: -abs(item[1]))[:3]
  largest = ', '.join(f'{name} {value:+.2f}' for name, value in strong)
  table = tables.markdown(('factor', 'points, high level less low'), rows)
  return f'{table}\n\nThe largest interactions: {largest} points.'


def levels_of(name: str) -> dict[str, int]:
  """Of a run of stage 3, such as 'A+B-': {'A': 1, 'B': -1}."""
  return {
    factor: 1 if sign == '+' else -1 for factor, sign in zip(name[::2], name[1::2])
  }


def _controls(runs: list[Run]) -> str:
  rows = [
    [run.name, rounded(float(np.nanmax(run.curves['test_accuracy']))), _outcome(run)]
    for run in sorted(runs, key=lambda run: run.name)
  ]
  return tables.markdown(('run', 'highest accuracy', 'outcome'), rows)


def _outcome(run: Run) -> str:
  if run.summary['diverged']:
    first, last = run.summary['diverged_between_steps']
    return f'diverges between steps {first:,} and {last:,}'
  return 'stays at chance' if is_at_chance(run) else 'trains'


WRITERS = {
  'stage2_rates': _rates,
  'stage2_ladder': _ladder,
  'stage3_pilot': _pilot,
  'stage3_changes': _changes,
  'stage4_controls': _controls,
}
