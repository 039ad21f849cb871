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

A subject is a process of its own, started once a round in turn with the others.
Compilation and warm-up are reported apart. About 5 minutes on two CPU cores:

python scripts/benchmarks/mnist.py            needs pip install -e .[benchmark]

The data set is MNIST where it is prepared, otherwise noise of the same size.
"""

import argparse
import functools
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import harness
import numpy as np

from bn_repro.data import sources
from bn_repro.run import provenance
from bn_repro.run.errors import UserError
from configs import mnist

OURS = 'ours'
SUBJECTS = (
  OURS, 'torch_eager', 'torch_compile', 'flax_loop', 'floor', 'side_by_side',
)  # fmt: skip
# After the warm-up: ours and the Flax loop start from the same weights, and so do
# the two PyTorch subjects, so that equal losses mean equal work.
LOSS = 'loss_at_step_300'
NEED_THREADS = ('torch_eager', 'torch_compile')


def main() -> None:
  options = _parser().parse_args()
  if options.subject:
    return print(json.dumps(measure(options)))
  with tempfile.TemporaryDirectory() as folder:
    options.data = str(Path(folder) / 'examples.npz')
    data_set = store_examples(options.data)
    try:
      measured, missing = measure_all(options)
    except UserError as error:
      sys.exit(f'error: {error}')
  harness.record(
    'mnist', measured[OURS][0]['device'], rows(measured, options.side_by_side),
    about=about(data_set, options), missing=missing,
    config=mnist.get_config('batch_norm').to_dict(), rounds=measured,
  )  # fmt: skip


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  add = parser.add_argument
  add('--rounds', type=int, default=5, help='processes for each subject (5)')
  add('--seconds', type=float, default=1.0, help='measured in a process (1)')
  add('--side_by_side', type=int, default=8, metavar='N', help='runs; 0: none (8)')
  add('--compile_mode', default='default', help='of torch.compile (default)')
  add('--subject', choices=SUBJECTS, help=argparse.SUPPRESS)
  add('--threads', type=int, default=1, help=argparse.SUPPRESS)
  add('--data', help=argparse.SUPPRESS)
  return parser


def store_examples(path: str) -> str:
  """Writes the training images for all subjects; returns what they are."""
  try:
    examples, data_set = sources.load('mnist').train, 'MNIST'
  except UserError:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (60_000, 28, 28), np.uint8)
    labels = random.integers(0, 10, 60_000, np.int32)
    examples, data_set = sources.Examples(images, labels), 'noise'
  np.savez(path, **examples._asdict())
  return data_set


def measure_all(options: argparse.Namespace) -> tuple[dict, dict]:
  """Every subject in every round, and why the subjects that failed are missing."""
  missing, threads, able = {}, {}, []
  for subject in SUBJECTS[: None if options.side_by_side else -1]:
    try:
      threads[subject] = fastest_threads(subject, options)
      able.append(subject)
    except UserError as error:
      missing[subject] = str(error)
  if OURS in missing:
    raise UserError(missing[OURS])
  start = lambda subject: run_process(subject, threads[subject], options)
  return harness.alternate(able, options.rounds, start), missing


def fastest_threads(subject: str, options: argparse.Namespace) -> int:
  """The better of one thread and one for each core, where a subject must choose.

  The others are tried too, briefly: whatever fails, fails before the rounds.
  """
  cores = provenance.cores() if subject in NEED_THREADS else 1
  brief = argparse.Namespace(**vars(options) | {'seconds': options.seconds / 4})

  def seconds_of_a_step(threads):
    result = run_process(subject, threads, brief)
    return sum(1 / result[n]['steps_per_second'] for n in mnist.NETWORKS)

  best = min({1, cores}, key=seconds_of_a_step)
  print(f'{subject}: tried' + (f', {best} threads' if cores > 1 else ''), flush=True)
  return best


def run_process(subject: str, threads: int, options: argparse.Namespace) -> dict:
  """The JSON line of one subject's process; UserError if it has none."""
  command = [
    sys.executable, __file__, f'--subject={subject}', f'--threads={threads}',
    f'--data={options.data}', f'--seconds={options.seconds}',
    f'--side_by_side={options.side_by_side}',
    f'--compile_mode={options.compile_mode}',
  ]  # fmt: skip
  return harness.answer_of(command)


def measure(options: argparse.Namespace) -> dict:
  """In a subject's process: both networks, one after the other."""
  with np.load(options.data) as arrays:
    examples = sources.Examples(arrays['images'], arrays['labels'])
  try:
    build, device = find(options.subject)
    threads = options.threads if options.subject in NEED_THREADS else None
    return {'device': device, 'threads': threads} | {
      network: measure_network(build, network, examples, options)
      for network in mnist.NETWORKS
    }
  except (ImportError, RuntimeError) as error:
    # Such as no PyTorch here, or no C++ compiler for torch.compile.
    return {'failed': f'{type(error).__name__}: {str(error).strip().splitlines()[0]}'}


def find(subject: str):
  """A subject's `build`, and the name of the device that it runs on."""
  if subject.startswith('torch'):
    import mnist_torch
    import torch

    build = {'torch_eager': mnist_torch.eager, 'torch_compile': mnist_torch.compiled}
    on_gpu = torch.cuda.is_available()
    return build[subject], torch.cuda.get_device_name() if on_gpu else 'cpu'
  import jax
  import mnist_subjects

  return getattr(mnist_subjects, subject), provenance.device(jax.devices()[:1])


def measure_network(build, network: str, examples, options) -> dict:
  """Steps per second of one network after a warm-up, and the loss it reached."""
  config = mnist.get_config(network)
  every = config.steps_per_call
  run = build(config, examples, options)
  warm_up, _ = _time(run, range(every))
  # Once more: the first steps after compilation can still be slow.
  brief, loss = _time(run, range(every, 3 * every))
  steps = max(1, round(options.seconds / brief * 2)) * every
  seconds, _ = _time(run, range(3 * every, 3 * every + steps))
  runs = options.side_by_side if options.subject == 'side_by_side' else 1
  return {
    'steps_per_second': runs * steps / seconds,
    'steps': steps,
    'warm_up_seconds': warm_up,
    LOSS: loss,
  }


def _time(run, steps: range):
  began = time.perf_counter()
  loss = run(steps)
  return time.perf_counter() - began, loss


def rows(measured: dict, runs: int) -> list[dict]:
  """The table: ours, then every rival, for each network."""
  return [
    row(subject, measured, network, runs)
    for network in mnist.NETWORKS
    for subject in measured
  ]


def row(subject: str, measured: dict, network: str, runs: int) -> dict:
  """One line; of N runs side by side the steps of all runs are counted."""
  of = lambda subject, key: [result[network][key] for result in measured[subject]]
  speed = functools.partial(of, key='steps_per_second')
  titles = {'side_by_side': f'ours, {runs} runs side by side'}
  line = {
    'network': network,
    'subject': titles.get(subject, subject.replace('_', ' ')),
    'steps/s': statistics.median(speed(subject)),
    'warm-up, s': statistics.median(of(subject, 'warm_up_seconds')),
    'loss, step 300': of(subject, LOSS)[0],
  }
  if subject == OURS:
    return line
  line |= harness.compare(speed(OURS), speed(subject))
  if subject == 'floor':
    # Slower by definition; what is of interest is how near ours comes.
    line['verdict'] = f'ours at {line["ratio"]:.0%} of it'
  return line


def about(data_set: str, options: argparse.Namespace) -> str:
  """What the table shows, for results/benchmarks/README.md."""
  return (
    f"Steps per second of section 4.1's training (60 examples a step, {data_set}), "
    f'{options.rounds} rounds, each subject in a process of its own. The floor is '
    'the matrix products of a step alone.'
  )


if __name__ == '__main__':
  main()
