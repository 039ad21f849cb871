"""Training steps per second as more runs of section 4.1 share one program.

What a sweep gains from `jax.vmap` over seeds and learning rates: with N runs side by
side, the steps of all of them are counted. Each N is a process of its own, started
once a round. About 5 minutes on two CPU cores:

python scripts/benchmarks/mnist_growth.py
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import harness
import mnist as benchmark

from bn_repro.run.errors import UserError
from configs import mnist

RUNS = (1, 2, 4, 8, 16, 36)
ABOUT = (
  "Steps per second of section 4.1's training with so many runs side by side in one "
  'program, the steps of all runs counted; `by one` is how many times as many they '
  'take as one run in a program of that kind. Median of {rounds} rounds.'
)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--rounds', type=int, default=5, help='processes for each N (5)')
  parser.add_argument('--seconds', type=float, default=1.0, help='measured in each (1)')
  options = parser.parse_args()
  with tempfile.TemporaryDirectory() as folder:
    data = str(Path(folder) / 'examples.npz')
    benchmark.store_examples(data)
    try:
      measured = harness.alternate(
        map(str, RUNS), options.rounds, lambda runs: start(int(runs), data, options)
      )
    except UserError as error:
      sys.exit(f'error: {error}')
  harness.record(
    'mnist_growth', measured['1'][0]['device'],
    [row(network, runs, measured) for network in mnist.NETWORKS for runs in RUNS],
    missing={}, about=ABOUT.format(rounds=options.rounds), rounds=measured,
  )  # fmt: skip


def start(runs: int, data: str, options: argparse.Namespace) -> dict:
  """What one process measures, of both networks."""
  asked = argparse.Namespace(
    data=data, seconds=options.seconds, side_by_side=runs, compile_mode='default'
  )
  return benchmark.run_process('side_by_side', 1, asked)


def row(network: str, runs: int, measured: dict[str, list[dict]]) -> dict:
  """One line of the table."""
  speeds = lambda n: [result[network]['steps_per_second'] for result in measured[n]]
  by_one = harness.spread(speeds(str(runs)), speeds('1'))
  return {
    'network': network, 'runs': runs,
    'steps/s of all': statistics.median(speeds(str(runs))),
    'by one': by_one.pop('ratio'),
  } | by_one  # fmt: skip


if __name__ == '__main__':
  main()
