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

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import harness
import jax

from bn_repro.run import places, provenance

PROJECT = Path(__file__).resolve().parents[2]
SUBJECT = str(Path(__file__).with_name('start_subject.py'))
HELP, OURS, EXAMPLE = '--help', 'ours', 'Flax example'
MLP, INCEPTION = 'ours, MLP on digits', 'ours, BN-x5 on digits'
CONFIGS = {MLP: 'configs/mnist.py:batch_norm', INCEPTION: 'configs/bn_x5.py:digits'}
CACHE = 'JAX_COMPILATION_CACHE_DIR'


def main() -> None:
  options = _options()
  helps = [OURS, *([EXAMPLE] if options.example else [])]
  networks = [*CONFIGS, *helps[1:]]
  asked = harness.alternate(helps, options.rounds, lambda s: _help(s, options))
  started = harness.alternate(networks, options.rounds, lambda s: _start(s, options))
  missing = {} if options.example else {EXAMPLE: 'no --example was given'}
  harness.record(
    'start', provenance.device(jax.devices()[:1]),
    [*_help_rows(asked), *_start_rows(started)], missing,
    about=f'Seconds of whole processes, median of {options.rounds} rounds; `cold` '
    'without and `warm` with what an earlier start compiled. The example is '
    'ResNet-18 at 224 pixels, handed its data.',
    rounds={HELP: asked, 'first step': started},
  )  # fmt: skip


def _options() -> argparse.Namespace:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  add = parser.add_argument
  add('--rounds', type=int, default=5, help='starts of each subject (5)')
  add('--example', help='its folder')
  add('--example_python', default=sys.executable, help='that has what it needs')
  kinds = {'example': places.existing_folder, 'example_python': places.existing_file}
  options = places.parsed(parser, **kinds)
  for name in kinds:
    if path := getattr(options, name):
      setattr(options, name, path.absolute())  # processes start in another directory
  return options


def _help(subject: str, options: argparse.Namespace) -> dict[str, float]:
  command = {
    OURS: [sys.executable, '-m', 'bn_repro', '--help'],
    EXAMPLE: [options.example_python, f'{options.example}/main.py', '--help'],
  }[subject]
  return {'seconds': _seconds(command, None)}


def _start(subject: str, options: argparse.Namespace) -> dict[str, float]:
  """Seconds to the first step, twice with one cache, which is empty at first."""
  with tempfile.TemporaryDirectory() as cache:
    return {
      name: _seconds(_training(subject, f'{cache}/{name}', options), f'{cache}/cache')
      for name in ('cold', 'warm')
    }


def _training(subject: str, workdir: str, options: argparse.Namespace) -> list[str]:
  if subject == EXAMPLE:
    return [options.example_python, SUBJECT, 'flax', options.example]
  return [
    sys.executable, SUBJECT, 'ours', f'--config={CONFIGS[subject]}',
    f'--workdir={workdir}', '--config.dataset.name=digits',
  ]  # fmt: skip


def _seconds(command: list[str], cache: str | None) -> float:
  environment = places.environment() | ({CACHE: cache} if cache else {})
  began = time.perf_counter()
  # absl leaves with 1 after the example's --help.
  result = subprocess.run(
    command, cwd=PROJECT, env=environment, capture_output=True, text=True
  )
  if 'Traceback' in result.stderr:
    sys.exit(f'error: {" ".join(command)}: {result.stderr.splitlines()[-1]}')
  return time.perf_counter() - began


def _help_rows(measured: dict[str, list[dict]]) -> list[dict]:
  seconds = {name: [m['seconds'] for m in each] for name, each in measured.items()}
  speeds = {name: [1 / s for s in each] for name, each in seconds.items()}
  return [
    {'start': HELP, 'subject': name, 'cold, s': statistics.median(seconds[name])}
    | (harness.compare(speeds[OURS], speeds[name]) if name != OURS else {})
    for name in measured
  ]


def _start_rows(measured: dict[str, list[dict]]) -> list[dict]:
  middle = lambda name, key: statistics.median(m[key] for m in measured[name])
  return [
    {
      'start': 'first step', 'subject': name,
      'cold, s': middle(name, 'cold'), 'warm, s': middle(name, 'warm'),
    }
    for name in measured
  ]  # fmt: skip


if __name__ == '__main__':
  main()
