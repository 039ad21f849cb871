"""Seconds from a command to its answer: `--help`, and the first training step.

The rival is the ImageNet example of Flax, which comes with Flax's source archive
(`pip download flax --no-binary flax --no-deps`); it needs an environment of its own
with flax, clu, tensorflow and tensorflow-datasets. Without these it is left out:

python scripts/benchmarks/start.py
python scripts/benchmarks/start.py --example=flax-X.Y.Z/examples/imagenet \\
  --example_python=.venv-example/bin/python

`cold` is the first start, `warm` one that finds what an earlier start compiled, in
JAX's persistent cache, which the example is given too. A first step of ours is
preceded by an evaluation of the initial weights; the example's reads no data. The
networks differ, so that only `--help` has a ratio. About 8 minutes on two CPU cores.
"""

import statistics
import subprocess
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

import harness
from harness import column
from page import PROJECT
from subjects import speed

from bn_repro.run import places
from bn_repro.run.errors import UserError

SUBJECTS = Path(__file__).with_name('subjects')
HELP, FIRST_STEP = '--help', 'first step'
OURS, EXAMPLE = 'ours', 'Flax example'
MLP, INCEPTION = 'ours, MLP on digits', 'ours, BN-x5 on digits'
CONFIGS = {MLP: 'configs/mnist.py:batch_norm', INCEPTION: 'configs/bn_x5.py:digits'}
CACHE = 'JAX_COMPILATION_CACHE_DIR'


def options(add) -> None:
  add('--example', help='its folder')


def measure(options: Namespace) -> dict:
  """Each command in each round, if there is an example also its own."""
  rivals = [EXAMPLE] if options.example else []
  helps = harness.alternate(
    [OURS, *rivals], options.rounds, lambda subject: _help(subject, options)
  )
  steps = harness.alternate(
    [*CONFIGS, *rivals], options.rounds, lambda subject: _start(subject, options)
  )
  return {
    'missing': {} if rivals else {EXAMPLE: 'no --example was given'},
    'rounds': {HELP: helps, FIRST_STEP: steps},
  }


def _help(subject: str, options: Namespace) -> dict[str, float]:
  command = {
    OURS: [sys.executable, '-m', 'bn_repro', '--help'],
    EXAMPLE: [options.example_python, f'{options.example}/main.py', '--help'],
  }[subject]
  return {'seconds': _seconds(command, {})}


def _start(subject: str, options: Namespace) -> dict[str, float]:
  """Seconds to the first step, twice with one cache, which is empty at first."""
  with tempfile.TemporaryDirectory() as folder:
    cache = {CACHE: f'{folder}/cache'}
    return {
      name: _seconds(_training(subject, f'{folder}/{name}', options), cache)
      for name in ('cold', 'warm')
    }


def _training(subject: str, workdir: str, options: Namespace) -> list:
  if subject == EXAMPLE:
    return [options.example_python, SUBJECTS / 'start_flax.py', options.example]
  return [
    sys.executable, SUBJECTS / 'start_ours.py', f'--config={CONFIGS[subject]}',
    f'--workdir={workdir}', '--config.dataset.name=digits',
  ]  # fmt: skip


def _seconds(command: list, variables: dict[str, str]) -> float:
  environment = places.environment() | variables
  # absl leaves with 1 after the example's --help.
  run = lambda _: subprocess.run(
    command, cwd=PROJECT, env=environment, capture_output=True, text=True
  )
  seconds, ended = speed.timed(run, range(1))
  if 'Traceback' in ended.stderr:
    words, reason = ' '.join(map(str, command)), ended.stderr.splitlines()[-1]
    raise UserError(f'{words}: {reason}')
  return seconds


def table(content: dict) -> list[dict]:
  """Starts of --help, which are compared, and of training, whose networks differ."""
  helps, steps = content['rounds'][HELP], content['rounds'][FIRST_STEP]
  median = lambda rounds, key: statistics.median(column(rounds, key))
  speeds = {
    name: [1 / seconds for seconds in column(rounds, 'seconds')]
    for name, rounds in helps.items()
  }
  first = lambda name: {
    'start': HELP, 'subject': name, 'cold, s': median(helps[name], 'seconds')
  }  # fmt: skip
  return harness.lines(speeds, first) + [
    {
      'start': FIRST_STEP, 'subject': name,
      'cold, s': median(rounds, 'cold'), 'warm, s': median(rounds, 'warm'),
    }
    for name, rounds in steps.items()
  ]  # fmt: skip


main = harness.Benchmark(
  __doc__, measure, table, (5, 'starts of each subject'), options,
  pythons={'example': 'that has what it needs'},
  paths={'example': places.existing_folder},
).main  # fmt: skip

if __name__ == '__main__':
  main()
