"""Steps per second of section 4.1's training, ours against its rivals.

Same network, data, order and mini-batch in every subject, on one device, with
and without batch normalization:

  ours           what bn_repro.training.loop does: many steps a dispatch, indices
                 made on the host, accuracy of every step and norms of some (which no
                 rival computes); without evaluation and checkpoints
  torch eager    a plain PyTorch loop
  torch compile  the whole step under torch.compile
  flax loop      flax.linen.BatchNorm, a jitted step, one dispatch a step
  floor          the step's matrix products alone: no step can be faster
  side by side   N of our runs (seeds and learning rates) in one program, jax.vmap

A subject is a process of its own, started once a round in turn with the others; all
keep the memory that they free. Compilation and warm-up are reported apart. About 5
minutes on two CPU cores:

python scripts/benchmarks/mnist.py            needs pip install -e .[benchmark]

The data set is MNIST where it is prepared, otherwise noise of the same size.
"""

import functools
import tempfile
from argparse import Namespace
from pathlib import Path

import harness
import numpy as np
import ratios
from ratios import column, median
from subjects import noise
from subjects.mnist_task import NUM_CLASSES, SUBJECTS

from bn_repro.data import sources
from bn_repro.run import devices
from bn_repro.run.errors import UserError
from configs import mnist

PROCESS = 'subjects.mnist_task'
OURS, FLOOR, SIDE_BY_SIDE = 'ours', 'floor', 'side_by_side'


def options(add) -> None:
  add('--seconds', type=float, default=1.0, help='measured in a process (1)')
  add('--subjects', nargs='+', choices=SUBJECTS, default=list(SUBJECTS), help='(all)')
  add('--side_by_side', type=int, default=8, metavar='N', help='runs; 0: none (8)')
  add('--compile_mode', default='default', help='of torch.compile (default)')


def measure(options: Namespace) -> dict:
  """Every subject in every round, in the better of its settings."""
  with tempfile.TemporaryDirectory() as folder:
    data, data_set = store_examples(folder)
    run = functools.partial(
      harness.process, PROCESS, harness.KEEPING_MEMORY, data=data,
      runs=options.side_by_side, compile_mode=options.compile_mode,
    )  # fmt: skip

    def fastest_threads(subject):
      """One, or one for each core where PyTorch must choose, by a brief trial."""
      cores = len(devices.cores()) if 'torch' in subject else 1
      trial = lambda n: run(subject=subject, seconds=options.seconds / 4, threads=n)
      return harness.fastest({1, cores}, trial, speed_of_both)

    chosen = [s for s in SUBJECTS if s in {OURS, *options.subjects}]
    subjects = [s for s in chosen if s != SIDE_BY_SIDE or options.side_by_side]
    results, missing = harness.try_out(subjects, fastest_threads, {OURS})
    threads, trials = ({s: r[i] for s, r in results.items()} for i in range(2))
    measure = lambda s: run(subject=s, seconds=options.seconds, threads=threads[s])
    rounds = harness.alternate(threads, options.rounds, measure, trials)
  return {
    'device': rounds[OURS][0]['device'], 'missing': missing,
    'config': mnist.get_config('batch_norm').to_dict(), 'rounds': rounds,
    'side_by_side': options.side_by_side, 'facts': {'data_set': data_set},
  }  # fmt: skip


def speed_of_both(measured: dict) -> float:
  """Pairs of a step with and one without batch normalization, per second."""
  return 1 / sum(1 / measured[n]['steps_per_second'] for n in mnist.NETWORKS)


def store_examples(folder: str) -> tuple[str, str]:
  """Writes the training images for all subjects; returns the file and their name."""
  try:
    examples, data_set = sources.load('mnist').train, 'MNIST'
  except UserError:
    examples, data_set = noise.examples((60_000, 28, 28), NUM_CLASSES), 'noise'
  file = Path(folder) / 'examples.npz'
  np.savez(file, **examples._asdict())
  return str(file), data_set


def table(content: dict) -> list[dict]:
  """Ours, then every rival, for each network; of N runs the steps of all count."""
  lines = []
  for network in mnist.NETWORKS:
    rounds = {s: column(each, network) for s, each in content['rounds'].items()}
    speeds = {s: column(each, 'steps_per_second') for s, each in rounds.items()}
    titles = {s: s.replace('_', ' ') for s in rounds}
    titles[SIDE_BY_SIDE] = f'ours, {content.get("side_by_side", 8)} runs side by side'
    columns = {
      subject: {
        'network': network,
        'subject': titles[subject],
        'steps/s': median(values, 'steps_per_second'),
        'warm-up, s': median(values, 'warm_up_seconds'),
        # Ours and the Flax loop start from the same weights, and so do the two PyTorch
        # subjects, so that equal losses mean equal work.
        'loss, step 300': values[0]['loss_at_step_300'],
      }
      for subject, values in rounds.items()
    }
    lines += ratios.lines(speeds, columns.get, bounds={FLOOR})
  return lines


main = harness.Benchmark(
  __doc__, measure, table, (5, 'processes for each subject'), options
).main

if __name__ == '__main__':
  main()
