"""From the workdirs of a sweep to its committed files, and back.

`NAME.json` holds the summaries of the runs, `NAME_curves.csv` their evaluations.
Does not know what the runs were for.
"""

import csv
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bn_repro import summary
from bn_repro.errors import UserError

# Column of the CSV: tag in metrics.jsonl. A CSV has those that its runs measured.
COLUMNS = {
  'test_accuracy': 'test/accuracy',
  'test_top_5_accuracy': 'test/top_5_accuracy',
  'test_accuracy_moving_average': 'test/accuracy_moving_average',
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

  def accuracy_at(self, step: int) -> float:
    """Test accuracy at an evaluated step; NaN if the run stopped before it."""
    here = self.curves['test_accuracy'][self.curves['step'] == step]
    return float(here[0]) if len(here) else float('nan')

  def steps_to(self, accuracy: float) -> float:
    """The first evaluated step with that test accuracy, or infinity."""
    reached = self.curves['step'][self.curves['test_accuracy'] >= accuracy]
    return float(reached[0]) if len(reached) else float('inf')


def collect(root: Path, results: Path, name: str) -> None:
  """Writes `results / NAME.json` and `NAME_curves.csv` from `root/*/`.

  Raises:
    UserError: the root has no finished run, or a summary is damaged.
  """
  workdirs = sorted(path.parent for path in root.glob(f'*/{summary.NAME}'))
  if not workdirs:
    raise UserError(f'no finished run in {root}; run scripts/sweep.py first')
  results.mkdir(parents=True, exist_ok=True)
  summaries = {path.name: summary.read(path) for path in workdirs}
  lines = (f'{json.dumps(n)}: {json.dumps(s)}' for n, s in summaries.items())
  (results / f'{name}.json').write_text('{\n' + ',\n'.join(lines) + '\n}\n')
  evaluations = [(path.name, line) for path in workdirs for line in _evaluations(path)]
  measured = {tag for _, line in evaluations for tag in line}
  tags = COLUMNS | {tag: tag for tag in sorted(measured) if tag.startswith(PROBES)}
  columns = [name for name, tag in tags.items() if tag in measured]
  with (results / f'{name}_curves.csv').open('w', newline='') as file:
    writer = csv.writer(file, lineterminator='\n')
    writer.writerow(['run', 'step', *columns])
    for run, line in evaluations:
      values = (line.get(tags[column]) for column in columns)
      cells = ('' if value is None else round(value, DIGITS) for value in values)
      writer.writerow([run, line['step'], *cells])


def _evaluations(workdir: Path) -> list[dict]:
  lines = (workdir / 'metrics.jsonl').read_text().splitlines()
  return [line for line in map(json.loads, lines) if 'test/accuracy' in line]


def load(results: Path, name: str) -> list[Run]:
  """The runs of a sweep, in the order of their names; [] if it has no files."""
  path = results / f'{name}.json'
  if not path.exists():
    return []
  rows: dict[str, list] = {}
  with (results / f'{name}_curves.csv').open() as file:
    for row in csv.DictReader(file):
      rows.setdefault(row['run'], []).append(row)
  return [
    Run(run, summary, _columns(rows[run]))
    for run, summary in json.loads(path.read_text()).items()
  ]


def _columns(rows: list[dict]) -> dict[str, np.ndarray]:
  names = [name for name in rows[0] if name != 'run']
  return {
    name: np.asarray([float(row[name] or 'nan') for row in rows]) for name in names
  }
