"""JPEG files to batches of crops, uint8: ours against its rivals, on one core.

All read the 500 photographs of imagenet_sample from memory, the same crops in the
same order, and return `[32, size, size, 3]`. Mirroring and colours are left out of
all: the device does these.

  ours                      `read_crop` of bn_repro/data/decode.py in a plain loop; it
                            decodes a JPEG at 1/8, 1/4 or 1/2 of its size where the
                            crop keeps enough pixels
  ours, through Grain       `StreamedImages` of bn_repro/data/stream.py, as training
                            calls it; it draws the order and the boxes itself
  Pillow loop               decodes every pixel, cuts, resizes
  torchvision, Pillow       RandomResizedCrop on Pillow's images
  torchvision, tensors      the same on tensors, after torchvision.io.decode_jpeg
  tf.data                   decode_and_crop_jpeg, tf.image.resize, antialiased
  tf.data, not antialiased  the same as it comes: where it reduces, another image

A subject is a process of its own, started once a round in turn with the others, and
may have its own Python. About 15 minutes:

python scripts/benchmarks/decode.py --tensorflow_python=OTHER/bin/python
                needs imagenet_sample, see docs/data.md; torchvision, tensorflow, pillow

The shorter side of these photographs is 256 pixels: a crop of 224 never keeps enough
at 1/2. `doubled` are the same enlarged to a shorter side of 512 and compressed again,
at JPEG quality 85: what a camera's file would cost.
"""

import io
import statistics
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

import harness
import jax
import numpy as np
import ratios
from PIL import Image
from ratios import column
from subjects import decode_ours
from subjects.decode_task import BATCH, CHECKED, TIMED, WARM_UP, Task

from bn_repro.data import crops, sampler, sources
from bn_repro.data import order as order_lib
from bn_repro.run import provenance

OURS, FEED = 'ours', 'ours, through Grain'
# The file in subjects/ of each, and its function.
SUBJECTS = {
  OURS: ('decode_ours', 'bare'),
  FEED: ('decode_ours', 'through_grain'),
  'Pillow loop': ('decode_pillow', 'loop'),
  'torchvision, Pillow': ('decode_torchvision', 'on_pillow'),
  'torchvision, tensors': ('decode_torchvision', 'on_tensors'),
  'tf.data': ('decode_tensorflow', 'antialiased'),
  'tf.data, not antialiased': ('decode_tensorflow', 'not_antialiased'),
}
SETTINGS = (('random', 224), ('random', 112), ('random', 64), ('centre', 224))


def measure(options: Namespace) -> dict:
  def run(subject, paths):
    module, function = SUBJECTS[subject]
    library = module.removeprefix('decode_')
    python = vars(options).get(f'{library}_python', sys.executable)
    return harness.process(
      'subjects.decode_task', {}, python, module=module, function=function,
      is_feed=subject == FEED, paths=paths,
    )  # fmt: skip

  with tempfile.TemporaryDirectory() as folder:
    paths = store_tasks(Path(folder))
    trial = lambda subject: run(subject, paths[:1])
    subjects, missing = harness.try_out(SUBJECTS, trial, {OURS, FEED})
    rounds = harness.alternate(subjects, options.rounds, lambda s: run(s, paths))
  device = provenance.device(jax.devices('cpu')[:1])
  content = {'device': device, 'missing': missing, 'rounds': rounds}
  return content | {'facts': facts(rounds)}


def store_tasks(folder: Path) -> list[str]:
  """Writes every setting for the subjects; returns the files."""
  plain, paths = load_photographs(), []
  for files, photographs in {'plain': plain, 'doubled': [*map(doubled, plain)]}.items():
    for crop, size in SETTINGS:
      paths.append(f'{folder}/{files}, {crop}, {size}.npz')
      task = task_of(photographs, crop == 'random', size)
      np.savez(paths[-1], **task._asdict())
  return paths


def load_photographs() -> list[bytes]:
  """The JPEG files of imagenet_sample."""
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


def task_of(photographs: list[bytes], is_random: bool, size: int) -> Task:
  """One setting: the order and the boxes of our feed, rounded to whole pixels.

  decode_and_crop_jpeg and torchvision take no others.
  """
  order = order_lib.Order(decode_ours.config_of(size), len(photographs))
  steps = range(WARM_UP + TIMED)
  indices = order.indices(steps, sampler.TRAINING).ravel()
  sizes = np.array([Image.open(io.BytesIO(data)).size for data in photographs])
  widths, heights = sizes[indices].T
  boxes = crops.centre_boxes(heights, widths)
  if is_random:
    uniforms = [order.uniforms(step, sampler.TRAINING) for step in steps]
    boxes = crops.random_boxes(np.concatenate(uniforms), heights, widths)
  start, end = np.rint(boxes[:, :2]), np.rint(boxes[:, :2] + boxes[:, 2:])
  whole = np.concatenate([start, end - start], axis=1).astype(int)
  first = [photographs[which] for which in indices[: CHECKED * BATCH]]
  exact_of = lambda boxes: np.stack([exact(*crop, size) for crop in zip(first, boxes)])
  return Task(
    np.array(photographs, object), indices, whole, exact_of(whole), exact_of(boxes)
  )


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


def table(content: dict) -> list[dict]:
  """Ours, then its rivals, for each setting."""
  rounds = content['rounds']
  return [
    row(name, subject, rounds)
    for name in rounds[OURS][0]['settings']
    for subject in rounds
    if name in rounds[subject][0]['settings']
  ]


def row(name: str, subject: str, rounds: dict[str, list[dict]]) -> dict:
  """One line; every other is compared with our bare reader, and with our feed."""
  files, crop, size = name.split(', ')
  of = lambda who, key: [each['settings'][name][key] for each in rounds[who]]
  speeds = of(subject, 'crops_per_second')
  line = {
    'files': files, 'crop': crop, 'size': int(size), 'reader': subject,
    'crops/s per core': statistics.median(speeds),
    'difference': max(of(subject, 'difference')),
  }  # fmt: skip
  if subject == OURS:
    return line
  line |= ratios.compare(of(OURS, 'crops_per_second'), speeds)
  if subject != FEED and name in rounds[FEED][0]['settings']:
    feed = of(FEED, 'crops_per_second')
    line['ratio, through Grain'] = ratios.spread(feed, speeds)['ratio']
  return line


def facts(rounds: dict[str, list[dict]]) -> dict:
  """The versions of all subjects, and the least share of its core that one had."""
  libraries, shares = {}, []
  for measured in rounds.values():
    libraries |= measured[0]['libraries']
    for settings in column(measured, 'settings'):
      shares += column(settings.values(), 'cpu_share')
  versions = ', '.join(f'{name} {version}' for name, version in libraries.items())
  return {'versions': versions, 'share': min(shares)}


main = harness.Benchmark(
  __doc__, measure, table, (7, 'processes for each subject'),
  pythons={
    library: f'the interpreter that has {library} (this one)'
    for library in ('tensorflow', 'torchvision')
  },
).main  # fmt: skip

if __name__ == '__main__':
  main()
