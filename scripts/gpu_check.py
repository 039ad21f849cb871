"""Checks on a GPU or TPU, in at most ten minutes, what was only run on CPUs.

scripts/gpu_check.sh                           everything
scripts/gpu_check.sh --parts train_step mnist  some parts, with all the time
scripts/gpu_check.sh --tiny                    tries the check itself, on a CPU as well

  tests       layers, networks and steps give the numbers that they give on a CPU
  batch_norm  one layer against the copy bandwidth and Flax, fast and exact
  mnist       one run and 36 side by side, against PyTorch if it is there
  train_step  BN-x5 at 224 pixels in bfloat16: FLOP utilization, Flax, torch.compile
  training    BN-x30 through the command line, until the time is over

A part that fails or exceeds its time does not stop the next; the next ones have the
time that it did not use. JSON goes to results/benchmarks under names with _gpu or _tpu,
and with it the tables of its page; what each part printed lies in runs/gpu_check.
Exit code 1 if a part failed or the page cannot be made, 2 without a GPU or TPU.
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from project import PROJECT

from bn_repro.run import places
from bn_repro.run.errors import last_line

BENCHMARKS = PROJECT / 'scripts' / 'benchmarks'
FOLDER = PROJECT / 'runs' / 'gpu_check'
MINUTES, TINY_MINUTES = 9.5, 5.0
# Seconds for a part to write what it has measured, and then to stop, or it is killed.
GRACE = 10.0
START = 90.0  # seconds for JAX to find its devices
TESTS = (
  'batch_norm/test_transform.py', 'batch_norm/test_layer.py', 'batch_norm/test_fold.py',
  'batch_norm/test_stacked.py', 'models/test_layers.py', 'models/test_mlp.py',
  'training/test_step.py', 'training/test_optimizer.py',
)  # fmt: skip
TINY_TESTS = ('models/test_mlp.py',)
# Platforms of JAX that the tests ask for; the CPU beside the GPU, as without a choice.
PLATFORMS = {'gpu': 'cuda,cpu', 'tpu': 'tpu,cpu', 'cpu': 'cpu'}
FIND = 'import jax; print(jax.default_backend(), jax.devices()[0].device_kind)'


class Part(NamedTuple):
  """A program, and its share of the time; `words` follow, or `tiny` ones."""

  share: float
  script: str
  words: tuple[str, ...]
  tiny: tuple[str, ...]


MNIST_SUBJECTS = ('--subjects', 'ours', 'torch_eager', 'side_by_side')
STEP_SUBJECTS = ('--subjects', 'ours', 'flax', 'torch_compile')
PARTS = {
  'tests': Part(0.17, '', TESTS, TINY_TESTS),
  'batch_norm': Part(0.13, 'batch_norm.py', (), ('--tiny', '--rounds=2')),
  'mnist': Part(
    0.17, 'mnist.py', (*MNIST_SUBJECTS, '--side_by_side=36', '--rounds=3'),
    ('--subjects', 'ours', 'side_by_side', '--side_by_side=2', '--rounds=1',
     '--seconds=0.1'),
  ),
  'train_step': Part(
    0.36, 'train_step.py', (*STEP_SUBJECTS, '--rounds=3'),
    ('--subjects', 'ours', '--tiny', '--rounds=0', '--seconds=0.1'),
  ),
  'training': Part(0.17, 'training.py', (), ('--tiny',)),
}  # fmt: skip


class Outcome(NamedTuple):
  """Of a part; `failure` is empty if it passed."""

  part: str
  failure: str
  seconds: float

  def __str__(self) -> str:
    result = f'failed: {self.failure}' if self.failure else 'passed'
    return f'{self.part}: {result}, {self.seconds:.0f} s'


def main() -> int:
  options = parse()
  # So that what was started ends with this process.
  signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
  platform, kind = find_device()
  if platform == 'cpu' and not options.tiny:
    print(f'error: {advice(kind)}', file=sys.stderr)
    return 2
  print(f'on {platform} ({kind})', flush=True)
  shutil.rmtree(FOLDER, ignore_errors=True)
  (FOLDER / 'results').mkdir(parents=True)
  outcomes = run_parts(options, platform)
  if options.results and (failure := publish(options.results)):
    outcomes.append(Outcome('page', failure, 0.0))
  print(*outcomes, sep='\n')
  return int(any(outcome.failure for outcome in outcomes))


def parse() -> argparse.Namespace:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add = parser.add_argument
  add('--tiny', action='store_true', help='smallest sizes; any device')
  add('--parts', nargs='+', choices=PARTS, default=list(PARTS), help='(all)')
  add('--minutes', type=float, help=f'for all parts ({MINUTES}, tiny {TINY_MINUTES})')
  add('--results', help='gets the JSON (results/benchmarks; tiny: nowhere)')
  options = places.parsed(parser, results=places.existing_folder)
  options.minutes = options.minutes or (TINY_MINUTES if options.tiny else MINUTES)
  if not (options.results or options.tiny):
    options.results = PROJECT / 'results' / 'benchmarks'
  return options


def find_device() -> tuple[str, str]:
  """JAX's platform and the kind of its first device; 'cpu' and why, if it has none.

  In another process, for this one must not hold the device.
  """
  words = [sys.executable, '-c', FIND]
  try:
    ended = subprocess.run(words, capture_output=True, text=True, timeout=START)
  except subprocess.TimeoutExpired:
    return 'cpu', f'JAX did not start within {START:.0f} s'
  if ended.returncode:
    return 'cpu', last_line(ended.stderr)
  platform, _, kind = last_line(ended.stdout).partition(' ')
  return platform, kind


def advice(reason: str) -> str:
  """How to give JAX a GPU, with the names of extras that this version has."""
  try:
    extras = metadata.metadata('jax').get_all('Provides-Extra') or []
  except metadata.PackageNotFoundError:
    return 'jax is not installed: pip install -r requirements.txt'
  version = metadata.version('jax')
  ways = [
    f'pip install -U "jax[{name}]=={version}"'
    for name in ('cuda13', 'cuda12', 'tpu') if name in extras
  ]  # fmt: skip
  return (
    f'JAX finds no GPU or TPU here ({reason}); install its plug-in: '
    f'{", or ".join(ways)}; --tiny tries the check on this device'
  )


def run_parts(options: argparse.Namespace, platform: str) -> list[Outcome]:
  """Each part in turn, with its share of the time that is left."""
  ends = time.monotonic() + 60 * options.minutes
  outcomes = []
  for number, name in enumerate(options.parts):
    left = ends - time.monotonic()
    shares = [PARTS[part].share for part in options.parts[number:]]
    seconds = left * shares[0] / sum(shares)
    print(f'== {name}, at most {seconds:.0f} s', flush=True)
    outcomes.append(run(name, options.tiny, platform, seconds))
    print(outcomes[-1], flush=True)
  return outcomes


def run(name: str, is_tiny: bool, platform: str, seconds: float) -> Outcome:
  """One part, to its end or that of its time."""
  began, log = time.monotonic(), FOLDER / f'{name}.log'
  variables = {'TESTS_ON': PLATFORMS.get(platform, platform)} if name == 'tests' else {}
  if is_tiny:
    variables['JAX_DISABLE_MOST_OPTIMIZATIONS'] = '1'
  failure = run_limited(
    command(name, is_tiny, seconds - 2 * GRACE), variables, log, seconds
  )
  return Outcome(name, failure, time.monotonic() - began)


def command(name: str, is_tiny: bool, seconds: float) -> list[str]:
  """The words that start a part."""
  part = PARTS[name]
  words = part.tiny if is_tiny else part.words
  if name == 'tests':
    files = [str(PROJECT / 'tests' / file) for file in words]
    marks = 'not slow and not reliability'
    return [sys.executable, '-m', 'pytest', '-q', *files, '-m', marks,
            '-k', 'not device_to_device']  # fmt: skip
  script, results = str(BENCHMARKS / part.script), str(FOLDER / 'results')
  limits = [f'--within={max(seconds, 1.0):.0f}', f'--results={results}']
  return [sys.executable, script, *words, *limits]


def run_limited(
  words: list[str], variables: dict[str, str], log: Path, seconds: float
) -> str:
  """Why a program failed, or ''. Ctrl-C ends it when its time is over, then SIGKILL."""
  with log.open('w') as file:
    process = subprocess.Popen(
      words, cwd=PROJECT, env=os.environ | {'TQDM_DISABLE': '1'} | variables,
      stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
      code = process.wait(max(seconds - GRACE, 1.0))
      return reason(log, code) if code else ''
    except subprocess.TimeoutExpired:
      process.send_signal(signal.SIGINT)
      with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
      return f'no end within {seconds:.0f} s; {last_line(log.read_text())}'
    finally:
      with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # and what it started
      process.wait()


def reason(log: Path, code: int) -> str:
  """The tests that failed, or the last line."""
  text = log.read_text()
  failed = re.findall(r'^(?:FAILED|ERROR) (?:tests/)?(\S+)', text, re.MULTILINE)
  return ', '.join(dict.fromkeys(failed)) or f'exit code {code}: {last_line(text)}'


def publish(results: Path) -> str:
  """Copies the JSON, and makes the tables of the page there again; why not, or ''."""
  made = sorted((FOLDER / 'results').glob('*.json'))
  for path in made:
    shutil.copy(path, results)
    print(f'written: {results / path.name}')
  if not (made and (results / 'README.md').exists()):
    return ''
  code = 'import page, pathlib, sys; page.write_readme(pathlib.Path(sys.argv[1]))'
  words = [sys.executable, '-c', code, str(results.resolve())]
  ended = subprocess.run(words, cwd=BENCHMARKS, capture_output=True, text=True)
  return last_line(ended.stderr) if ended.returncode else ''


if __name__ == '__main__':
  sys.exit(main())
