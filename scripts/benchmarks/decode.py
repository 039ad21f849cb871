"""Crops a second from JPEG files: at a reduced scale against a full decode.

Ours is `read_crop` of bn_repro/data/decode.py, which decodes a JPEG at 1/8, 1/4 or
1/2 of its size where the crop keeps enough pixels. The rival decodes all pixels and
then cuts and resizes alike. Both read the 500 photographs of imagenet_sample from
memory, one after the other on one core, the same crops in the same order; rivals
alternate, in one process. About 90 seconds:

python scripts/benchmarks/decode.py      needs imagenet_sample, see README.md

The shorter side of these photographs is 256 pixels, so that a crop of 224 never
keeps enough at 1/2: there the two do the same work, and the ratio shows what asking
costs. `doubled` are the same photographs enlarged to a shorter side of 512 and
compressed again, at JPEG quality 85: what a camera's file would cost.
"""

import argparse
import io
import os
import statistics
import sys
import time
from itertools import product

import harness
import jax
import numpy as np
from PIL import Image

from bn_repro import provenance
from bn_repro.data import crops, decode, sources
from bn_repro.errors import UserError

OURS, RIVAL = 'ours', 'full decode'
SIZES = (224, 112, 64)
SEED = 0


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


def boxes_of(photographs: list[bytes]) -> dict[str, np.ndarray]:
  """Boxes `[n, 4]` float32 of random and of centre crops."""
  sizes = [Image.open(io.BytesIO(data)).size for data in photographs]
  widths, heights = np.array(sizes).T
  uniforms = crops.uniforms_of(SEED, 0, len(photographs))
  return {
    'random': crops.random_boxes(uniforms, heights, widths),
    'centre': crops.centre_boxes(heights, widths),
  }


def full_decode(data: bytes, choose_box, size: int, name: str) -> np.ndarray:
  """What `read_crop` returns for an RGB image, by decoding every pixel first."""
  image = Image.open(io.BytesIO(data))
  top, left, height, width = map(float, choose_box(image.height, image.width))
  edges = (left, top, left + width, top + height)
  return np.array(image.resize((size, size), Image.Resampling.BILINEAR, edges))


READERS = {OURS: decode.read_crop, RIVAL: full_decode}


def speed(reader, photographs: list[bytes], boxes: np.ndarray, size: int) -> float:
  """Crops a second, over all photographs."""
  began = time.perf_counter()
  for data, box in zip(photographs, boxes):
    reader(data, lambda height, width, box=box: box, size, 'a photograph')
  return len(photographs) / (time.perf_counter() - began)


def measure(rounds: int) -> tuple[list[dict], dict]:
  """The rows of the table, and every round's speeds."""
  plain = load_photographs()
  table, speeds = [], {}
  for files, photographs in {'plain': plain, 'doubled': map(doubled, plain)}.items():
    photographs = list(photographs)
    for (kind, boxes), size in product(boxes_of(photographs).items(), SIZES):
      measured = measure_readers(photographs, boxes, size, rounds)
      table += rows({'files': files, 'crop': kind, 'size': size}, measured)
      speeds[f'{files}, {kind}, {size}'] = measured
  return table, speeds


def measure_readers(photographs, boxes, size, rounds) -> dict[str, list[float]]:
  """The speeds of every reader, round by round."""
  return harness.alternate(
    READERS, rounds, lambda name: speed(READERS[name], photographs, boxes, size)
  )


def rows(what: dict, measured: dict[str, list[float]]) -> list[dict]:
  """One line for each reader."""
  lines = [
    what | {'reader': name, 'crops/s per core': statistics.median(values)}
    for name, values in measured.items()
  ]
  lines[-1] |= harness.compare(measured[OURS], measured[RIVAL])
  return lines


def one_core() -> None:
  """Keeps this process on one core, where the system lets it choose."""
  if hasattr(os, 'sched_setaffinity'):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--rounds', type=int, default=7, help='of each reader (7)')
  options = parser.parse_args()
  # Before the core is chosen, so that the machine is described whole.
  device = provenance.device(jax.devices('cpu')[:1])
  one_core()
  try:
    table, speeds = measure(options.rounds)
  except UserError as error:
    sys.exit(f'error: {error}')
  harness.record(
    'decode', device, table, missing={}, pillow=Image.__version__,
    about='Crops a second on one core, from the 500 photographs of imagenet_sample '
    f'in memory, {options.rounds} rounds, Pillow {Image.__version__}. `plain` files '
    'have a shorter side of 256 pixels, so that a crop of 224 is never read at a '
    'reduced scale; `doubled` are the same enlarged to 512.',
    speeds=speeds,
  )  # fmt: skip


if __name__ == '__main__':
  main()
