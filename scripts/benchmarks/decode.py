"""JPEG files to batches of crops, uint8: ours against its rivals, on one core.

All read the 500 photographs of imagenet_sample from memory, the same crops in the
same order, and return `[32, size, size, 3]`. Mirroring and colours are left out of
all of them: we leave these to the device.

  ours                      `read_crop` of bn_repro/data/decode.py in a plain loop; it
                            decodes a JPEG at 1/8, 1/4 or 1/2 of its size where the
                            crop keeps enough pixels
  ours, through Grain       `StreamedImages` of bn_repro/data/stream.py, as training
                            calls it; draws its order and boxes, which others are given
  Pillow loop               decodes every pixel, cuts, resizes
  torchvision, Pillow       RandomResizedCrop on Pillow's images
  torchvision, tensors      the same on tensors, after torchvision.io.decode_jpeg
  tf.data                   decode_and_crop_jpeg, tf.image.resize, antialiased
  tf.data, not antialiased  the same as it comes: where it reduces, another image

A subject is a process of its own, started once a round in turn with the others, and
may have its own Python. About 15 minutes:

python scripts/benchmarks/decode.py --tensorflow_python=OTHER/bin/python
                needs imagenet_sample, see README.md; torchvision, tensorflow, pillow

The shorter side of these photographs is 256 pixels, so that a crop of 224 never
keeps enough at 1/2. `doubled` are the same photographs enlarged to a shorter side of
512 and compressed again, at JPEG quality 85: what a camera's file would cost.
"""

import argparse
import io
import statistics
import sys
import tempfile
from pathlib import Path

import decode_ours
import decode_subjects
import decode_task
import harness
import jax
import numpy as np
from decode_subjects import FEED, OURS, SUBJECTS
from decode_task import BATCH, CHECKED
from PIL import Image

from bn_repro.data import crops, sampler, sources
from bn_repro.data import order as order_lib
from bn_repro.run import places, provenance
from bn_repro.run.errors import UserError

SETTINGS = (('random', 224), ('random', 112), ('random', 64), ('centre', 224))


def main() -> None:
  interpreters = ('tensorflow_python', 'torchvision_python')
  options = places.parsed(
    _parser(), **dict.fromkeys(interpreters, places.existing_file)
  )
  try:
    with tempfile.TemporaryDirectory() as folder:
      settings = store_tasks(Path(folder))
      paths = [Path(folder) / f'{name}.npz' for name in settings]
      measured, missing = measure_all(paths, options)
  except UserError as error:
    sys.exit(f'error: {error}')
  harness.record(
    'decode', provenance.device(jax.devices('cpu')[:1]), rows(measured, settings),
    about=about(options, measured), missing=missing, rounds=measured,
  )  # fmt: skip


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  add = parser.add_argument
  add('--rounds', type=int, default=7, help='processes for each subject (7)')
  for library in ('tensorflow', 'torchvision'):
    add(f'--{library}_python', default=sys.executable, metavar='PATH',
        help=f'the interpreter that has {library} (this one)')  # fmt: skip
  return parser


def store_tasks(folder: Path) -> dict[str, dict]:
  """Writes every setting for the subjects; returns its columns in the table."""
  plain, settings = load_photographs(), {}
  for files, photographs in {'plain': plain, 'doubled': map(doubled, plain)}.items():
    photographs = list(photographs)
    for crop, size in SETTINGS:
      name = f'{files}, {crop}, {size}'
      settings[name] = {'files': files, 'crop': crop, 'size': size}
      store_task(folder / f'{name}.npz', photographs, crop == 'random', size)
  return settings


def load_photographs() -> list[bytes]:
  """The JPEG files of imagenet_sample.

  Raises:
    UserError: the sample is not prepared.
  """
  directory = sources.find_prepared('imagenet_sample')
  # Slow to import, and of no use where the sample is missing.
  import tensorflow_datasets as tfds

  builder = tfds.builder_from_directory(directory)
  decoders = {'image': tfds.decode.SkipDecoding()}
  source = builder.as_data_source('validation', decoders=decoders)
  return [record['image'] for record in source]


def doubled(data: bytes) -> bytes:
  """The photograph at twice its height and width, compressed again."""
  image = Image.open(io.BytesIO(data)).convert('RGB')
  file = io.BytesIO()
  image.resize((2 * image.width, 2 * image.height)).save(file, 'JPEG', quality=85)
  return file.getvalue()


def store_task(path: Path, photographs: list[bytes], is_random: bool, size: int):
  """One setting: the order and the boxes of our feed, rounded to whole pixels.

  decode_and_crop_jpeg and torchvision take no others.
  """
  order, uniforms = order_of_feed(len(photographs), size)
  sizes = np.array([Image.open(io.BytesIO(data)).size for data in photographs])
  widths, heights = sizes[order].T
  boxes = crops.centre_boxes(heights, widths)
  if is_random:
    boxes = crops.random_boxes(uniforms, heights, widths)
  start, end = np.rint(boxes[:, :2]), np.rint(boxes[:, :2] + boxes[:, 2:])
  whole = np.concatenate([start, end - start], axis=1).astype(int)
  first = [photographs[which] for which in order[: CHECKED * BATCH]]
  decode_task.save(
    path, photographs, order=order, boxes=whole, size=size, is_random=is_random,
    exact=[exact(*crop, size) for crop in zip(first, whole)],
    exact_of_feed=[exact(*crop, size) for crop in zip(first, boxes)],
  )  # fmt: skip


def order_of_feed(number: int, size: int) -> tuple[np.ndarray, np.ndarray]:
  """Which photographs, `[crops]`, and the random numbers of their boxes."""
  order = order_lib.Order(decode_ours.config_of(size), number)
  steps = range(decode_subjects.WARM_UP + decode_subjects.TIMED)
  uniforms = [order.uniforms(step, sampler.TRAINING) for step in steps]
  return order.indices(steps, sampler.TRAINING).ravel(), np.concatenate(uniforms)


def exact(data: bytes, box: np.ndarray, size: int) -> np.ndarray:
  """`[size, size, 3]` float32: all pixels decoded, resized without rounding."""
  top, left, height, width = map(float, box)
  edges = (left, top, left + width, top + height)
  planes = Image.open(io.BytesIO(data)).convert('RGB').split()
  resized = [
    plane.convert('F').resize((size, size), Image.Resampling.BILINEAR, edges)
    for plane in planes
  ]
  return np.stack(resized, axis=-1)


def measure_all(paths: list[Path], options: argparse.Namespace) -> tuple[dict, dict]:
  """Every subject in every round, and why the subjects that failed are missing."""
  missing, able = {}, []
  for subject in SUBJECTS:
    try:
      # Whatever fails, fails before the rounds.
      run_process(subject, paths[:1], options)
      able.append(subject)
    except UserError as error:
      missing[subject] = str(error)
  for subject in {OURS, FEED} & missing.keys():
    raise UserError(missing[subject])
  start = lambda subject: run_process(subject, paths, options)
  return harness.alternate(able, options.rounds, start), missing


def run_process(subject: str, paths: list[Path], options: argparse.Namespace) -> dict:
  """What a subject measured of some settings; UserError if its process failed."""
  python = sys.executable
  if subject.startswith('tf.data'):
    python = str(options.tensorflow_python)
  elif subject.startswith('torchvision'):
    python = str(options.torchvision_python)
  command = [python, decode_subjects.__file__, subject, *map(str, paths)]
  return harness.answer_of(command)


def rows(measured: dict[str, list[dict]], settings: dict[str, dict]) -> list[dict]:
  """The table: ours, then its rivals, for each setting."""
  return [
    columns | row(subject, name, measured)
    for name, columns in settings.items()
    for subject, rounds in measured.items()
    if name in rounds[0]['settings']
  ]


def row(subject: str, name: str, measured: dict[str, list[dict]]) -> dict:
  """One line; every other is compared with our bare reader, and with our feed."""

  def of(who, key):
    return [each['settings'][name][key] for each in measured[who]]

  speeds = of(subject, 'crops_per_second')
  line = {
    'reader': subject,
    'crops/s per core': statistics.median(speeds),
    'difference': max(of(subject, 'difference')),
  }
  if subject == OURS:
    return line
  line |= harness.compare(of(OURS, 'crops_per_second'), speeds)
  if subject != FEED and name in measured[FEED][0]['settings']:
    feed = harness.compare(of(FEED, 'crops_per_second'), speeds)
    line['ratio, through Grain'] = feed['ratio']
  return line


def about(options: argparse.Namespace, measured: dict[str, list[dict]]) -> str:
  """What the table shows, for results/benchmarks/README.md."""
  libraries, shares = {}, []
  for rounds in measured.values():
    libraries |= rounds[0]['libraries']
    shares += [each['cpu_share'] for one in rounds for each in one['settings'].values()]
  versions = ', '.join(f'{name} {version}' for name, version in libraries.items())
  return (
    'JPEG files to batches of 32 crops in uint8, crops a second on one core, from the '
    '500 photographs of imagenet_sample in memory, the same boxes for all, '
    f'{options.rounds} rounds, each subject in a process of its own ({versions}), '
    f'which computed for at least {min(shares):.0%} of its time. '
    '`plain` files have a shorter side of 256 pixels, so that a crop of 224 is never '
    'read at a reduced scale; `doubled` are the same enlarged to 512. `difference` is '
    'the mean, of 0 to 255, from a full decode resized without rounding.'
  )


if __name__ == '__main__':
  main()
