"""The share of its time that training waits for input, in runs as a user starts them.

Every subject is a run of `python -m bn_repro`, started once a round in turn with the
others. Its `data/waiting` and `steps_per_second` are read from metrics.jsonl, without
the first of them, which include compilation. Decoding and training share the cores
here: what decoding takes shows in steps per second, not in waiting. About 12 minutes
on two CPU cores:

python scripts/benchmarks/waiting.py      needs mnist, imagenette_160: docs/data.md
"""

import json
import statistics
import tempfile
from argparse import Namespace
from pathlib import Path

import harness
import ratios
from page import PROJECT
from ratios import column, median

from bn_repro.run import records
from bn_repro.training import sweep

MNIST, IMAGENETTE = 'configs/mnist.py:batch_norm', 'configs/bn_x5.py:imagenette_160'
STREAMED = {'dataset.feed': 'stream'}
KEPT = 'Imagenette at 64 pixels, on the device'
# Of each subject its config, what is overridden, and after how many steps it logs and
# ends.
SUBJECTS = {
  'MNIST, on the device': (MNIST, {}, 1000, 10_000),
  KEPT: (IMAGENETTE, {}, 20, 200),
  'Imagenette at 64 pixels, streamed by threads': (IMAGENETTE, STREAMED, 20, 200),
  'Imagenette at 64 pixels, streamed by two processes': (
    IMAGENETTE, STREAMED | {'dataset.workers': 2}, 20, 200,
  ),
}  # fmt: skip


def measure(options: Namespace) -> dict:
  return {'rounds': harness.alternate(SUBJECTS, options.rounds, run)}


def run(subject: str) -> dict[str, float]:
  """One run of a subject: medians over what it has logged."""
  config, overrides, log_every, steps = SUBJECTS[subject]
  lengths = {'log_every': log_every, 'train_for': steps, 'evaluate_every': steps}
  of_run = overrides | {field: f'{number} steps' for field, number in lengths.items()}
  with tempfile.TemporaryDirectory() as folder:
    command = sweep.Run('run', config, of_run).command(Path(folder))
    harness.output_of(command, folder=PROJECT, subject=subject)
    lines = Path(folder, 'run', records.NAME).read_text().splitlines()
  logged = [line for line in map(json.loads, lines) if records.WAITING in line][1:]
  return {
    'steps_per_second': median(logged, 'steps_per_second'),
    'waiting': median(logged, records.WAITING),
    'worst': max(column(logged, records.WAITING)),
  }


def table(content: dict) -> list[dict]:
  """One line for each run; those that stream are compared with one that does not."""
  lines, kept = [], column(content['rounds'][KEPT], 'steps_per_second')
  for subject, rounds in content['rounds'].items():
    speeds = column(rounds, 'steps_per_second')
    line = {
      'run': subject,
      'steps/s': statistics.median(speeds),
      'waiting': f'{median(rounds, "waiting"):.2%}',
      'worst': f'{max(column(rounds, "worst")):.2%}',
    }
    lines.append(line | (ratios.spread(speeds, kept) if 'streamed' in subject else {}))
  return lines


main = harness.Benchmark(__doc__, measure, table, (3, 'runs of each subject')).main

if __name__ == '__main__':
  main()
