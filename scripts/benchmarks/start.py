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

import subprocess
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

import harness
import ratios
from page import PROJECT
from ratios import column, median
from subjects import speed

from bn_repro.run import places
from bn_repro.run.errors import UserError

SUBJECTS = Path(__file__).with_name('subjects')
HELP, FIRST_STEP = '--help', 'first step'
OURS, EXAMPLE = 'ours', 'Flax example'
CONFIGS = {
  'ours, MLP on digits': 'configs/mnist.py:batch_norm',
  'ours, BN-x5 on digits': 'configs/bn_x5.py:digits',
}


def options(add) -> None:
  add('--example', help='its folder')


def measure(options: Namespace) -> dict:
  """Each command in each round; the example's, too, if there is one."""
  helps = {OURS: [sys.executable, '-m', 'bn_repro', '--help']}
  words = [sys.executable, SUBJECTS / 'start_ours.py', '--config.dataset.name=digits']
  steps = {name: [*words, f'--config={config}'] for name, config in CONFIGS.items()}
  if options.example:
    main = options.example / 'main.py'
    helps[EXAMPLE] = [options.example_python, main, '--help']
    steps[EXAMPLE] = [
      options.example_python, SUBJECTS / 'start_flax.py', options.example
    ]  # fmt: skip
  cases = {
    HELP: (helps, lambda command: {'seconds': seconds_of(command)}),
    FIRST_STEP: (steps, seconds_to_first_step),
  }

  def rounds_of(case):
    commands, measure = cases[case]
    return harness.alternate(
      commands, options.rounds, lambda name: measure(commands[name])
    )

  rounds, missing = harness.each(cases, rounds_of)
  if not options.example:
    missing[EXAMPLE] = 'no --example was given'
  return {'missing': missing, 'rounds': rounds}


def seconds_to_first_step(command: list) -> dict[str, float]:
  """Of two starts with one cache, which is empty at first."""
  with tempfile.TemporaryDirectory() as folder:
    # It makes its workdir in $TMPDIR.
    variables = {'JAX_COMPILATION_CACHE_DIR': f'{folder}/cache', 'TMPDIR': folder}
    return {name: seconds_of(command, **variables) for name in ('cold', 'warm')}


def seconds_of(command: list, **variables: str) -> float:
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
  helps, steps = (content['rounds'].get(case, {}) for case in (HELP, FIRST_STEP))
  speeds = {
    name: [1 / seconds for seconds in column(rounds, 'seconds')]
    for name, rounds in helps.items()
  }
  columns = lambda name: {
    'start': HELP, 'subject': name, 'cold, s': median(helps[name], 'seconds')
  }  # fmt: skip
  return (ratios.lines(speeds, columns) if helps else []) + [
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
