"""From the workdirs of a sweep to its committed files, and back.

`NAME.json` holds the summaries of the runs, `NAME_curves.csv` their evaluations.
Does not know what the runs were for.
"""

import csv
import io
import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bn_repro.run import summary
from bn_repro.run.errors import UserError
from bn_repro.run.files import replaced

# Column of the CSV: tag in metrics.jsonl. A CSV has those that its runs measured.
COLUMNS = {
  'test_accuracy': 'test/accuracy',
  'test_top_5_accuracy': 'test/top_5_accuracy',
  'test_accuracy_moving_average': 'test/accuracy_moving_average',
  'test_accuracy_polyak': 'test/accuracy_polyak',
  'test_loss': 'test/loss',
  'train_accuracy': 'train/accuracy',
  'train_accuracy_undistorted': 'train/accuracy_undistorted',
  'train_loss': 'train/loss',
  'percentile_15': 'sigmoid_input/percentile_15',
  'percentile_50': 'sigmoid_input/percentile_50',
  'percentile_85': 'sigmoid_input/percentile_85',
}
# And whatever probes measured, a column for each tag that begins so.
PROBES = ('covariate_shift/', 'jacobian/', 'landscape/', 'parameter_norms/')
DIGITS = 6


class Run(NamedTuple):
  """A finished run: its summary, and a `[evaluations]` array for each column."""

  name: str
  summary: dict
  curves: dict[str, np.ndarray]

  @property
  def config(self) -> dict:
    """The flat config of the run."""
    return self.summary['config']

  @property
  def diverged(self) -> bool:
    """Whether training ended early, with a loss that was not finite."""
    return self.summary['diverged']

  def at_end(self, column: str = 'test_accuracy') -> float:
    """The last value of a curve; NaN for a run that diverged."""
    return float('nan') if self.diverged else float(self.curves[column][-1])

  @property
  def gap(self) -> float:
    """Accuracy at the end, 0 to 1, on undistorted training images less that on test."""
    return self.at_end('train_accuracy_undistorted') - self.at_end()

  def accuracy_at(self, step: int) -> float:
    """Test accuracy at an evaluated step; NaN if the run stopped before it."""
    here = self.curves['test_accuracy'][self.curves['step'] == step]
    return float(here[0]) if len(here) else float('nan')

  def steps_to(self, accuracy: float) -> float:
    """The first evaluated step with that test accuracy, or infinity."""
    reached = self.curves['step'][self.curves['test_accuracy'] >= accuracy]
    return float(reached[0]) if len(reached) else float('inf')


def sweeps_under(results: Path) -> list[tuple[Path, str]]:
  """Folder and name of every sweep that is collected in a folder of `results`."""
  ending = '_curves.csv'
  paths = sorted(results.glob(f'*/*{ending}'))
  return [(path.parent, path.name.removesuffix(ending)) for path in paths]


def variant(run: str) -> str:
  """The name of a run without its seed: 'bn_x30' of 'bn_x30_seed0'."""
  return run.partition('_seed')[0]


def finished(root: Path) -> list[Path]:
  """The workdirs of the runs of a sweep that have ended, by their names."""
  return sorted(path.parent for path in root.glob(f'*/{summary.NAME}'))


def collect(root: Path, results: Path, name: str) -> None:
  """Puts the runs of `root/*/` into `results / NAME.json` and `NAME_curves.csv`.

  Runs in these files that the root lacks are kept: a sweep may be run on several
  machines, or in parts. UserError if the root has no finished run.
  """
  workdirs = finished(root)
  if not workdirs:
    raise UserError(f'no finished run in {root}; run scripts/sweep.py first')
  results.mkdir(parents=True, exist_ok=True)
  summaries, rows = _read(results, name)
  summaries |= {path.name: summary.read(path) for path in workdirs}
  rows |= {path.name: _rows(path) for path in workdirs}
  runs = sorted(summaries.keys() & rows.keys())
  curves = _table([row for run in runs for row in rows[run]])
  lines = (f'{json.dumps(run)}: {json.dumps(summaries[run])}' for run in runs)
  # The runs that the root lacks may be nowhere else. Curves first: a stop in between
  # leaves some of a run without a summary, which nobody reads.
  with replaced(results / f'{name}_curves.csv') as file:
    file.write(curves.encode())
  with replaced(results / f'{name}.json') as file:
    file.write(('{\n' + ',\n'.join(lines) + '\n}\n').encode())


def _table(rows: list[dict]) -> str:
  """The evaluations of all runs as CSV, with the columns that one of them measured."""
  measured = {column for row in rows for column in row}
  probes = sorted(column for column in measured if column.startswith(PROBES))
  columns = ['run', 'step', *(c for c in (*COLUMNS, *probes) if c in measured)]
  text = io.StringIO()
  writer = csv.DictWriter(text, columns, lineterminator='\n')
  writer.writeheader()
  writer.writerows(rows)
  return text.getvalue()


def check_whole(root: Path, results: Path, name: str, listed: list[str]) -> None:
  """Raises UserError unless of each seed all runs that are listed are there, or none.

  Under the root or among the results. The names of a seed's runs end in '_seed3'.
  """
  there = {path.name for path in finished(root)}
  there |= _read(results, name)[0].keys()
  seeds = {_seed(run) for run in there}
  missing = [run for run in listed if _seed(run) in seeds and run not in there]
  if missing:
    others = f' and {len(missing) - 1} more' if missing[1:] else ''
    raise UserError(
      f'{root} lacks {missing[0]}{others}; scripts/sweep.py runs what is not finished'
    )


def _seed(run: str) -> str:
  return run.partition('_seed')[2]


def _read(results: Path, name: str) -> tuple[dict[str, dict], dict[str, list[dict]]]:
  """What was collected before: the summary of each run and its rows, as text."""
  path = results / f'{name}.json'
  if not path.exists():
    return {}, {}
  rows: dict[str, list[dict]] = {}
  with (results / f'{name}_curves.csv').open() as file:
    for row in csv.DictReader(file):
      rows.setdefault(row['run'], []).append(row)
  return json.loads(path.read_text()), rows


def _rows(workdir: Path) -> list[dict]:
  """The evaluations of a run by column; empty where a probe has no finite value."""
  rows = []
  for line in map(json.loads, (workdir / 'metrics.jsonl').read_text().splitlines()):
    if 'test/accuracy' in line:
      probes = {tag: tag for tag in line if tag.startswith(PROBES)}
      values = {name: line.get(tag) for name, tag in (COLUMNS | probes).items()}
      known = {name: round(v, DIGITS) for name, v in values.items() if v is not None}
      row = {'run': workdir.name, 'step': line['step']}
      rows.append(row | dict.fromkeys(probes, '') | known)
  return rows


def load(results: Path, name: str) -> list[Run]:
  """The runs of a sweep, by name; [] without files. UserError if steps do not rise."""
  summaries, rows = _read(results, name)
  runs = [Run(run, of_run, _columns(rows[run])) for run, of_run in summaries.items()]
  for run in runs:
    try:
      check_rising(run.curves['step'])
    except UserError as error:
      path = results / f'{name}_curves.csv'
      raise UserError(f'{path}: run {run.name}: {error}; collect it again') from error
  return runs


def check_rising(steps: np.ndarray) -> None:
  """Raises UserError unless each evaluation comes after the one before."""
  wrong = np.flatnonzero(np.diff(steps) <= 0)
  if len(wrong):
    before, after = steps[wrong[0]], steps[wrong[0] + 1]
    raise UserError(f'step {after:g} follows step {before:g}; the curve is damaged')


def by_tag(run: Run) -> dict[str, dict[int, float]]:
  """The curves of a run as training records them: by tag, the value at each step."""
  steps = run.curves['step'].astype(int).tolist()
  curves = {
    COLUMNS.get(name, name): zip(steps, values.tolist())
    for name, values in run.curves.items()
    if name != 'step'
  }
  return {
    tag: {step: value for step, value in points if not math.isnan(value)}
    for tag, points in curves.items()
  }


def _columns(rows: list[dict]) -> dict[str, np.ndarray]:
  names = [name for name in rows[0] if name != 'run']
  return {
    name: np.asarray([float(row[name] or 'nan') for row in rows]) for name in names
  }
