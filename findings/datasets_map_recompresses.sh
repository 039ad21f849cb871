#!/usr/bin/env bash
# datasets.Dataset.map compresses every image anew where the function has only looked at it.
#
# Sworn: a function that reads the image and returns one new column adds that column; the images stay as they are,
#   as they do in filter, in a streamed dataset's map, or where the function has not looked at the image.
# Seen: images of JPEG bytes (a Parquet file's, or the Hub's) are decoded for the function and written back with
#   Pillow's default quality of 75; each further map loses more. Even lossless WebP becomes lossy. It is so though
#   the function returns nothing but the new column.
# Version: datasets 5.2.0, pillow 13.0.0, 2026-11-29. Source: datasets/features/image.py, image_to_bytes(), and
#   datasets/arrow_dataset.py, Dataset._map_single(), which merges the decoded column back in.
#   The docstring of image_to_bytes() says only that the native compression is used.
# Matters: a run trains and is measured on other pixels than the data set's, because someone noted the images' sizes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'datasets==5.2.0' 'pillow==13.0.0' 'numpy==2.4.6'
HF_HOME="$work/cache" HF_HUB_OFFLINE=1 "$work/venv/bin/python" -W ignore - <<'PY'
import io

import datasets
import numpy as np
from PIL import Image

datasets.disable_progress_bars()


def images(**options):
  """Makes a data set of four smooth images, stored as bytes."""
  rng, stored = np.random.default_rng(0), []
  for _ in range(4):
    small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    file = io.BytesIO()
    small.resize((64, 64), Image.Resampling.BICUBIC).save(file, **options)
    stored.append({'bytes': file.getvalue(), 'path': None})
  return datasets.Dataset.from_dict({'image': stored, 'label': range(4)}).cast_column('image', datasets.Image())


def pixels(data):
  return np.stack([np.asarray(row['image'], dtype=np.int32) for row in data])


def change(data, other):
  return float(np.abs(pixels(data) - pixels(other)).mean())


def width(row):
  return {'width': row['image'].width}


jpeg, webp = images(format='JPEG', quality=95), images(format='WEBP', lossless=True)
left_alone = {
  'map that has not looked at the image': jpeg.map(lambda row: {'next': row['label'] + 1}),
  'filter by width': jpeg.filter(lambda row: row['image'].width > 0),
  'streamed map of the width': list(jpeg.to_iterable_dataset().map(width)),
}
same = [change(jpeg, data) for data in left_alone.values()]
for name, value in zip(left_alone, same, strict=True):
  print(f'mean change of a pixel, {name}:', value)
once = jpeg.map(width)
twice = once.map(lambda row: {'height': row['image'].height})
spoiled = [change(jpeg, once), change(jpeg, twice), change(webp, webp.map(width))]
print('mean change of a pixel (0 to 255), map of the width, JPEG:', spoiled[0])
print('mean change of a pixel, a second map of the height:', spoiled[1])
print('mean change of a pixel, map of the width, lossless WebP:', spoiled[2])
if any(same):
  raise SystemExit('changed: images now change where they did not')
if min(spoiled) < 0.5 or spoiled[1] <= spoiled[0]:
  raise SystemExit('changed: map no longer compresses the images anew')
print('as stated: to read the width is to lose pixels')
PY
