"""What the five networks of section 4.2 would cost on ImageNet, and the commands.

python scripts/imagenet_plan.py                 results/imagenet_plan.md, from the files
python scripts/imagenet_plan.py --measure       first measures training on this device

Measured is the training step alone, at 224 pixels and full width, on noise that is on
the device already; results/imagenet_throughput.json keeps it under the device's name.
Decoding is measured by scripts/benchmarks/decode.py.
"""

import argparse
import json
import math
import statistics
from pathlib import Path

import jinja2
from project import PROJECT

from bn_repro.report import tables
from bn_repro.run import config as config_lib
from bn_repro.run import devices, durations, exits

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


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--measure', action='store_true', help='measure this device')
  parser.add_argument('--batch_size', type=int, default=MINI_BATCH)
  parser.add_argument('--dtype', choices=('float32', 'bfloat16'), default='float32')
  parser.add_argument('--steps', type=int, default=5, help='timed, of each network')
  arguments = parser.parse_args()
  if arguments.steps < 1:
    parser.error('--steps is the number of timed steps, 1 or more')
  if arguments.batch_size < 1:
    parser.error('--batch_size is a number of images, 1 or more')
  exits.exit_after(lambda: write(arguments))


def write(arguments: argparse.Namespace) -> None:
  """Writes the page; with --measure, measures before."""
  if arguments.measure:
    devices.start()
    keep([measure(name, arguments) for name in EXPECTED])
  PLAN.write_text(plan())
  print(PLAN)


def measure(network: str, arguments) -> dict:
  """Images per second of one network's training step on one device."""
  from bn_repro.run import provenance
  from bn_repro.training.experiment import with_examples
  from scripts.benchmarks.subjects import noise, speed

  config = config_of(network)
  config.batch_size, config.model.dtype = arguments.batch_size, arguments.dtype
  config.num_devices = 1
  images, num_classes = noise.images(config, number=256), config.dataset.num_classes
  step = noise.Step(with_examples(config, images, num_classes))
  # Two more, to compile and to warm up.
  steps = range(arguments.steps + 2)
  seconds = [speed.timed(step.run, steps[n : n + 1])[0] for n in steps][2:]
  speeds = [config.batch_size / second for second in seconds]
  print(f'{network}: {statistics.median(speeds):.1f} images/s')
  return {
    'network': network, 'device': step.device,
    'batch_size': config.batch_size, 'dtype': config.model.dtype,
    'images_per_second': statistics.median(speeds),
    'min': min(speeds), 'max': max(speeds), 'steps': arguments.steps,
    'git_revision': provenance.git_revision(), 'versions': provenance.versions(),
  }  # fmt: skip


def keep(measured: list[dict]) -> None:
  """Adds measurements to the file, in place of those of the same device and setting."""
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
  template = jinja2.Template(
    Path(__file__).with_suffix('.md.j2').read_text(), undefined=jinja2.StrictUndefined,
    trim_blocks=True, keep_trailing_newline=True,
  )  # fmt: skip
  return template.render(
    batch=MINI_BATCH,
    images=TRAINING_IMAGES,
    multiply_adds=MULTIPLY_ADDS,
    h200_flops=H200_FLOPS,
    steps=_steps_table(),
    measured=_measured_table(),
    has_h200=any('H200' in each['device'] for each in measurements()),
    estimates=_estimates_table(),
    evaluation=50_000 / TRAINING_IMAGES / 3,
    decoding=_decoding(),
    networks=list(EXPECTED),
  )


def _steps_table() -> str:
  head = ('network', 'steps', 'images', 'epochs', 'top-1 in the paper',
          'best reimplementation')  # fmt: skip
  rows = []
  for network, accuracies in EXPECTED.items():
    steps = steps_of(network)
    images = steps * MINI_BATCH
    rows.append([
      f'`{network}`', f'{steps / 1e6:g} million', f'{images / 1e6:,.0f} million',
      f'{images / TRAINING_IMAGES:,.0f}', *accuracies,
    ])  # fmt: skip
  return tables.markdown(head, rows)


def _measured_table() -> str:
  head = ('network', 'device', 'dtype', 'mini-batch', 'images/s (min to max)', 'days')
  rows = []
  for each in measurements():
    seconds = steps_of(each['network']) * MINI_BATCH / each['images_per_second']
    rows.append([
      f'`{each["network"]}`', each['device'], each['dtype'], str(each['batch_size']),
      '{images_per_second:,.1f} ({min:,.1f} to {max:,.1f})'.format(**each),
      f'{seconds / 86_400:,.1f}',
    ])  # fmt: skip
  return tables.markdown(head, rows) if rows else ''


def _estimates_table() -> str:
  speeds = {share: share * H200_FLOPS / (6 * MULTIPLY_ADDS) for share in UTILISATIONS}
  head = [f'{share:.0%} ({speed:,.0f} images/s)' for share, speed in speeds.items()]
  rows = []
  for network in EXPECTED:
    images = steps_of(network) * MINI_BATCH
    hours = [f'{images / speed / 3600:,.1f}' for speed in speeds.values()]
    rows.append([f'`{network}`', *hours])
  return tables.markdown(['hours on one H200, if it reached', *head], rows)


def _decoding() -> dict:
  """Crops a second of one core, and how many cores some speeds need."""
  decoded = json.loads(DECODING.read_text())
  speeds = {
    row['files']: row['crops/s per core']
    for row in decoded['table']
    if (row['crop'], row['size'], row['reader']) == ('random', 224, 'ours')
  }
  cores = lambda images, files: math.ceil(images / speeds[files])
  needed = ', '.join(
    f'{cores(images, "plain")} to {cores(images, "doubled")} for {images:,} images/s'
    for images in (2_000, 5_000, 10_000)
  )
  return speeds | {'device': decoded['device'], 'cores': needed}


if __name__ == '__main__':
  main()
