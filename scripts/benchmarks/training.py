"""As many steps of BN-x30 as some minutes allow, through the ordinary command line.

Full width in bfloat16, on Imagenette at 128 pixels where it is prepared, otherwise on
the embedded digits, which have 8 pixels and the small stem. Before the time is over
the run is sent SIGTERM, as by a cluster: it must save a checkpoint and exit with code
75, and no loss may be infinite or NaN. Made for a GPU:

python scripts/benchmarks/training.py --within=120
"""

import json
import math
import os
import statistics
import subprocess
import tempfile
from argparse import Namespace
from pathlib import Path

import harness
from project import PROJECT

from bn_repro.data import sources
from bn_repro.run.errors import Preempted, UserError, last_line
from bn_repro.training import sweep

DEFAULT_SECONDS = 120.0
# Of the time: to save and to exit, which may wait for a compilation to end.
SECONDS_TO_SAVE = 20.0
IMAGENETTE = 'imagenette/full-size-v2'
ON_DIGITS = {'model.width': 1.0, 'train_for': '1e6 steps'}
OFTEN = {
  'log_every': '20 steps', 'evaluate_every': '1000 steps',
  'checkpoint_every': '200 steps', 'population_batches': 2,
}  # fmt: skip
# Of metrics.jsonl.
SPEED, LOSS = 'steps_per_second', 'train/loss'


def options(add) -> None:
  add('--tiny', action='store_true', help='the MLP on digits, to try this out')


def measure(options: Namespace) -> dict:
  run = sweep.Run('run', *choose(options.tiny))
  left = harness.seconds_left()
  left = left if math.isfinite(left) else DEFAULT_SECONDS
  with tempfile.TemporaryDirectory() as folder:
    workdir = Path(folder) / run.name
    code = train(run.command(Path(folder)), left - SECONDS_TO_SAVE)
    saved = sorted(int(path.name) for path in (workdir / 'checkpoints').glob('[0-9]*'))
    metrics = [json.loads(x) for x in (workdir / 'metrics.jsonl').open()]
    starts = json.loads((workdir / 'identity.json').read_text())['starts']
  check(saved, metrics)
  return {
    'device': starts[0]['device'], 'config': run.load().to_dict(), 'exit_code': code,
    'checkpoints': saved, 'metrics': metrics,
  }  # fmt: skip


def choose(is_tiny: bool) -> tuple[str, dict]:
  """The config, and what is overridden."""
  if is_tiny:
    return 'configs/mnist.py:batch_norm', OFTEN | {'dataset.name': 'digits'}
  often = OFTEN | {'model.dtype': 'bfloat16'}
  try:
    sources.num_training_examples(IMAGENETTE)
    return 'configs/bn_x30.py:imagenette', often
  except UserError:  # not prepared
    return 'configs/bn_x30.py:digits', often | ON_DIGITS


def train(command: list[str], seconds: float) -> int:
  """Trains until the time is over; the exit code, which is 0 or 75."""
  process = subprocess.Popen(
    command, cwd=PROJECT, env=os.environ | {'TQDM_DISABLE': '1'},
    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
  )  # fmt: skip
  try:
    _, text = process.communicate(timeout=max(seconds, 1.0))
  except subprocess.TimeoutExpired:
    process.terminate()
    try:
      _, text = process.communicate(timeout=SECONDS_TO_SAVE - 5)
    except subprocess.TimeoutExpired as error:
      process.kill()
      raise UserError('the run did not exit after SIGTERM') from error
  if process.returncode not in (0, Preempted.exit_code):
    raise UserError(f'the run exited with code {process.returncode}: {last_line(text)}')
  return process.returncode


def check(saved: list[int], metrics: list[dict]) -> None:
  """UserError where there is no checkpoint after a step, or a loss is not finite."""
  if not saved or saved[-1] == 0:
    raise UserError(f'no step was saved; checkpoints: {saved}')
  losses = [line[LOSS] for line in metrics if LOSS in line]
  if any(loss is None or not math.isfinite(loss) for loss in losses):
    raise UserError('a loss is not finite')


def table(content: dict) -> list[dict]:
  """One line: what was trained, how fast, and how far it came."""
  config, metrics = content['config'], content['metrics']
  dataset, model = config['dataset'], config['model']
  of = lambda tag: [line[tag] for line in metrics if tag in line]
  losses, accuracies, speeds = of(LOSS), of('test/accuracy'), of(SPEED)
  speed = statistics.median(speeds) if speeds else None
  return [{
    'network': config['network'], 'data set': dataset['name'],
    'pixels': dataset.get('size'), 'dtype': model.get('dtype'),
    'batch': config['batch_size'], 'steps': content['checkpoints'][-1],
    'steps/s': speed, 'images/s': speed and speed * config['batch_size'],
    'first loss': losses[0] if losses else None,
    'last loss': losses[-1] if losses else None,
    'last test accuracy': accuracies[-1] if accuracies else None,
    'exit code': content['exit_code'],
  }]  # fmt: skip


main = harness.Benchmark(__doc__, measure, table, options=options).main

if __name__ == '__main__':
  main()
