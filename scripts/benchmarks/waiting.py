"""The share of its time that training waits for input, in runs as a user starts them.

Every subject is a run of `python -m bn_repro`, started once a round in turn with the
others; its own `data/waiting` and `steps_per_second` are read from metrics.jsonl, the
first of them, which was compiling, left out. Decoding and training share the cores
here, so that what decoding takes shows in steps per second, not in the waiting. About
12 minutes on two CPU cores:

python scripts/benchmarks/waiting.py      needs mnist and imagenette_160, see README.md
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import harness
import jax

from bn_repro.run import places, provenance, records

PROJECT = Path(__file__).resolve().parents[2]
MNIST = ('--config=configs/mnist.py:batch_norm', '--config.log_every=1000 steps')
IMAGENETTE = (
  '--config=configs/bn_x5.py:imagenette_160', '--config.log_every=20 steps',
)  # fmt: skip
STREAMED = (*IMAGENETTE, '--config.dataset.feed=stream')
KEPT = 'Imagenette at 64 pixels, on the device'
# Of each subject, its flags and for how many steps it trains.
SUBJECTS = {
  'MNIST, on the device': (MNIST, 10_000),
  KEPT: (IMAGENETTE, 200),
  'Imagenette at 64 pixels, streamed by threads': (STREAMED, 200),
  'Imagenette at 64 pixels, streamed by two processes': (
    (*STREAMED, '--config.dataset.workers=2'), 200,
  ),
}  # fmt: skip


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--rounds', type=int, default=3, help='runs of each subject (3)')
  rounds = parser.parse_args().rounds
  measured = harness.alternate(SUBJECTS, rounds, measure)
  harness.record(
    'waiting', provenance.device(jax.devices()[:1]),
    [row(subject, measured) for subject in SUBJECTS], missing={},
    about='The share of its time, at most, that training waits for input, and its '
    f'steps per second: medians of {rounds} runs, each of which has logged several '
    'times; `worst` is the largest share of all. The streamed ones decode photographs '
    'on the cores that train; their ratio is to the same on the device.',
    rounds=measured,
  )  # fmt: skip


def measure(subject: str) -> dict[str, float]:
  """One run of a subject: medians over what it has logged."""
  flags, steps = SUBJECTS[subject]
  with tempfile.TemporaryDirectory() as folder:
    command = [
      sys.executable, '-m', 'bn_repro', *flags, f'--workdir={folder}/run',
      f'--config.train_for={steps} steps', f'--config.evaluate_every={steps} steps',
    ]  # fmt: skip
    result = subprocess.run(
      command, cwd=PROJECT, env=places.environment(), capture_output=True, text=True
    )
    if result.returncode:
      sys.exit(f'error: {subject}: {result.stderr.splitlines()[-1]}')
    lines = Path(folder, 'run', records.NAME).read_text().splitlines()
  logged = [line for line in map(json.loads, lines) if records.WAITING in line][1:]
  shares = [line[records.WAITING] for line in logged]
  return {
    'steps_per_second': statistics.median(line['steps_per_second'] for line in logged),
    'waiting': statistics.median(shares),
    'worst': max(shares),
  }


def row(subject: str, measured: dict[str, list[dict]]) -> dict:
  """One line of the table."""
  of = lambda who, key: [result[key] for result in measured[who]]
  speeds = of(subject, 'steps_per_second')
  line = {
    'run': subject,
    'steps/s': statistics.median(speeds),
    'waiting': f'{statistics.median(of(subject, "waiting")):.2%}',
    'worst': f'{max(of(subject, "worst")):.2%}',
  }
  if SUBJECTS[subject][0][: len(STREAMED)] == STREAMED:
    line |= harness.compare(speeds, of(KEPT, 'steps_per_second'))
    del line['verdict']
  return line


if __name__ == '__main__':
  main()
