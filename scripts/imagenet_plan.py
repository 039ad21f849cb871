"""What the five networks of section 4.2 would cost on ImageNet, and the commands.

python scripts/imagenet_plan.py                 results/imagenet_plan.md, from the files
python scripts/imagenet_plan.py --measure       first measures training on this device

A measurement is of the training step alone, at 224 pixels and full width, on
made-up images that are on the device already. It is kept under the device's name in
results/imagenet_throughput.json. Decoding is measured by scripts/benchmarks/decode.py.
"""

import argparse
import json
import math
import statistics
import sys
import time

from project import PROJECT

from bn_repro.report import tables
from bn_repro.run import config as config_lib
from bn_repro.run import devices, durations
from bn_repro.run.errors import MachineError, UserError

THROUGHPUT = PROJECT / 'results' / 'imagenet_throughput.json'
DECODING = PROJECT / 'results' / 'benchmarks' / 'decode.json'
PLAN = PROJECT / 'results' / 'imagenet_plan.md'
TRAINING_IMAGES = 1_281_167
MINI_BATCH = 32
MULTIPLY_ADDS = 1_934_857_216  # variant D of figure 5 at 224 pixels
# Dense bfloat16, from the vendor's data sheet.
H200_FLOPS = 989e12
UTILISATIONS = (0.05, 0.1, 0.2)
# Top-1 in the paper (figure 3), and the best reimplementation that we know of.
EXPECTED = {
  'inception': ('72.2', 'none of this network; BVLC GoogLeNet, without BN: 68.7'),
  'bn_baseline': ('72.7', 'none'),
  'bn_x5': ('73.0', 'none'),
  'bn_x30': ('74.8', '74.94 (CNTK, similar recipe, mini-batch 256)'),
  'bn_x5_sigmoid': ('69.8', 'none'),
}
TEXT = """\
# ImageNet: what it takes

*Made by `scripts/imagenet_plan.py`; do not edit. A plan: none of these runs was made.*

Steps take {batch} images, as in the paper; ImageNet 2012 has {images:,} for training.

{steps}

Accuracy is top-1 on the validation set, single crop, in per cent.

## How long

{measured}

{estimates}

Eight devices at perfect scaling would take an eighth. That means a mini-batch of
8 x {batch} in groups of {batch} for the statistics, as the replicas of the paper had;
they stepped asynchronously, ours together, so an eighth of the steps is taken, and
whether the rates still fit is not known. Hours are of training alone: one evaluation
is 50,000 images forward, about {evaluation:.1%} of an epoch of training, and with BN
twice that, with population statistics and with the moving average, plus the former.

## Input

{decoding}

## Disk

The two archives are 138 and 6.3 GB; prepared, they take about the same again. A
checkpoint of 11 million parameters with momentum takes about 90 MB, three are kept.

## Commands

```
python scripts/prepare_data.py imagenet2012 --archives=DIR
{commands}
```

On a GPU add `--config.model.dtype=bfloat16`, and `--config.dataset.workers=N` for N
processes that decode. On eight GPUs of one machine add `--config.batch_size=256
--config.train_for="150 epochs"`, with the epochs of the table: a step then takes eight
times as many images. On several machines start the same command on each, with
`--coordinator`, `--num_processes` and `--process_id` where neither SLURM nor a TPU pod
names the processes.
"""


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--measure', action='store_true', help='measure this device')
  parser.add_argument('--batch_size', type=int, default=MINI_BATCH)
  parser.add_argument('--dtype', choices=('float32', 'bfloat16'), default='float32')
  parser.add_argument('--steps', type=int, default=5, help='timed, of each network')
  arguments = parser.parse_args()
  if arguments.steps < 1:
    parser.error('--steps is the number of timed steps, 1 or more')
  if arguments.measure:
    try:
      devices.start()
      keep([measure(name, arguments) for name in EXPECTED])
    except (UserError, MachineError) as error:
      print(f'error: {error}', file=sys.stderr)
      sys.exit(error.exit_code)
  PLAN.write_text(plan())
  print(PLAN)


def measure(network: str, arguments) -> dict:
  """Images per second of one network's training step on one device."""
  from bn_repro.run import provenance

  config = config_of(network)
  config.batch_size, config.model.dtype = arguments.batch_size, arguments.dtype
  built = _with_noise(config)
  # Two more, to compile and to warm up.
  seconds = _seconds_of_steps(built, arguments.steps + 2)[2:]
  speeds = [config.batch_size / second for second in seconds]
  print(f'{network}: {statistics.median(speeds):.1f} images/s')
  return {
    'network': network, 'device': provenance.device(built.devices),
    'batch_size': config.batch_size, 'dtype': config.model.dtype,
    'images_per_second': statistics.median(speeds),
    'min': min(speeds), 'max': max(speeds), 'steps': arguments.steps,
    'git_revision': provenance.git_revision(), 'versions': provenance.versions(),
  }  # fmt: skip


def _with_noise(config):
  """The experiment of a config on images of noise, on one device."""
  import jax
  import numpy as np

  from bn_repro.data import resident, sources
  from bn_repro.data.feeds import Feeds
  from bn_repro.training import experiment

  devices, size = jax.devices()[:1], config.dataset.size
  pixels = np.random.default_rng(0).integers(0, 256, (256, size, size, 3), np.uint8)
  examples = sources.Examples(pixels, np.arange(256, dtype=np.int32))
  feed = resident.ResidentImages(examples, config, devices)
  feeds = Feeds(feed, feed, config.dataset.num_classes, (size, size, 3))
  return experiment.with_feeds(config, devices, feeds)


def _seconds_of_steps(built, number: int) -> list[float]:
  """How long each of some training steps took."""
  import jax
  import numpy as np

  from bn_repro.training import parallel
  from bn_repro.training.step import initial_state, make_step

  feed, seconds = built.feeds.train, []
  take = parallel.spread(make_step(built), built.devices)
  state = initial_state(built)
  examples = parallel.replicate(feed.examples, built.devices)
  for step in range(number):
    began = time.perf_counter()
    inputs = feed.inputs(range(step, step + 1))
    state, metrics = take(state, examples, inputs, np.zeros(1, bool))
    jax.block_until_ready((state, metrics))
    seconds.append(time.perf_counter() - began)
  return seconds


def keep(measured: list[dict]) -> None:
  """Adds measurements to the file; those of the same device and setting go."""
  key = lambda m: (m['network'], m['device'], m['batch_size'], m['dtype'])
  known = {key(m): m for m in measurements()} | {key(m): m for m in measured}
  config_lib.write_json(THROUGHPUT, [known[k] for k in sorted(known)])


def measurements() -> list[dict]:
  """What has been measured so far."""
  return json.loads(THROUGHPUT.read_text()) if THROUGHPUT.exists() else []


def config_of(network: str):
  """The config of a network on ImageNet."""
  return config_lib.load(str(PROJECT / 'configs' / f'{network}.py:imagenet2012'))


def steps_of(network: str) -> int:
  """How many steps it trains."""
  return durations.lengths(config_of(network), TRAINING_IMAGES).train_for


def plan() -> str:
  """The text of results/imagenet_plan.md."""
  return TEXT.format(
    batch=MINI_BATCH,
    images=TRAINING_IMAGES,
    steps=_steps_table(),
    measured=_measured(),
    estimates=_estimates(),
    evaluation=50_000 / TRAINING_IMAGES / 3,
    decoding=_decoding(),
    commands='\n'.join(_command(network) for network in EXPECTED),
  )


def _steps_table() -> str:
  head = ('network', 'steps', 'images', 'epochs', 'top-1 in the paper',
          'best reimplementation')  # fmt: skip
  return tables.markdown(head, map(_steps_row, EXPECTED))


def _steps_row(network: str) -> list[str]:
  images = steps_of(network) * MINI_BATCH
  return [
    f'`{network}`',
    f'{steps_of(network) / 1e6:g} million',
    f'{images / 1e6:,.0f} million',
    f'{images / TRAINING_IMAGES:,.0f}',
    *EXPECTED[network],
  ]


def _measured() -> str:
  if not measurements():
    return 'Nothing has been measured yet: `python scripts/imagenet_plan.py --measure`.'
  head = ('network', 'device', 'dtype', 'mini-batch', 'images/s (min to max)', 'days')
  rows = tables.markdown(head, map(_measured_row, measurements()))
  note = ''
  if not any('H200' in measurement['device'] for measurement in measurements()):
    note = (
      '\n\n**An H200 has not been measured**; with one at hand: `python '
      'scripts/imagenet_plan.py --measure --dtype=bfloat16`.'
    )
  return f'Measured, the training step alone, for all steps:\n\n{rows}{note}'


def _measured_row(found: dict) -> list[str]:
  seconds = steps_of(found['network']) * MINI_BATCH / found['images_per_second']
  return [
    f'`{found["network"]}`',
    found['device'],
    found['dtype'],
    str(found['batch_size']),
    f'{found["images_per_second"]:,.1f} ({found["min"]:,.1f} to {found["max"]:,.1f})',
    f'{seconds / 86_400:,.1f}',
  ]


def _estimates() -> str:
  speeds = [share * H200_FLOPS / (6 * MULTIPLY_ADDS) for share in UTILISATIONS]
  head = (
    'hours on one H200, if it reached',
    *(f'{share:.0%} ({speed:,.0f} images/s)'
      for share, speed in zip(UTILISATIONS, speeds)),
  )  # fmt: skip
  rows = (
    [f'`{name}`', *(f'{steps_of(name) * MINI_BATCH / s / 3600:,.1f}' for s in speeds)]
    for name in EXPECTED
  )
  return (
    'Arithmetic, not measurement: to train on an image takes 3 x 2 x '
    f'{MULTIPLY_ADDS:,} operations, and an H200 is sold as '
    f'{H200_FLOPS / 1e12:,.0f} TFLOP/s in bfloat16, of which small convolutions reach '
    'a small share:\n\n'
    f'{tables.markdown(head, rows)}'
  )


def _decoding() -> str:
  found = json.loads(DECODING.read_text())
  speeds = {
    row['files']: row['crops/s per core']
    for row in found['table']
    if (row['crop'], row['size'], row['reader']) == ('random', 224, 'ours')
  }
  needed = ', '.join(
    f'{math.ceil(wanted / speeds["plain"])} to '
    f'{math.ceil(wanted / speeds["doubled"])} for '
    f'{wanted:,} images/s' for wanted in (2_000, 5_000, 10_000)
  )  # fmt: skip
  return (
    f'One core cuts {speeds["plain"]:,.0f} random crops of 224 a second out of JPEGs '
    f'with a shorter side of 256, and {speeds["doubled"]:,.0f} out of twice as large '
    f'ones ({found["device"]}; results/benchmarks); ImageNet, mostly 500x375, lies '
    f'between. Cores needed: {needed}.'
  )


def _command(network: str) -> str:
  return (
    f'python -m bn_repro --config=configs/{network}.py:imagenet2012 '
    f'--workdir=runs/imagenet/{network}'
  )


if __name__ == '__main__':
  main()
