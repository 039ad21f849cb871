#!/usr/bin/env bash
# datasets stores the file that an image was opened from, not the image it is given.
#
# Sworn: a data set made of PIL images has the pixels that those images have.
# Seen: an image that was opened from a file and then changed in place (thumbnail(), paste(), ImageDraw, putpixel())
#   keeps its `filename`, and datasets stores that path alone: the data set shows the original, full size and
#   uncovered, in Dataset.from_generator, from_dict and map; so do the Parquet files made of it. The same edits of an
#   image opened from bytes, or of a copy(), are kept.
# Version: datasets 5.2.0, pillow 13.0.0, 2026-11-29. Source: datasets/features/image.py, encode_pil_image().
#   The docstring of Image names a PIL image object as input and no such exception.
# Matters: faces or labels that were painted over for publication are back, and a set that was shrunk is not.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'datasets==5.2.0' 'pillow==13.0.0' 'numpy==2.4.6'
HF_HOME="$work/cache" HF_HUB_OFFLINE=1 "$work/venv/bin/python" -W ignore - "$work" <<'PY'
import io
import pathlib
import sys

import datasets
import numpy as np
from PIL import Image, ImageDraw

datasets.disable_progress_bars()
FOLDER = pathlib.Path(sys.argv[1])
IMAGE = datasets.Features(image=datasets.Image())
ORIGINAL = FOLDER / 'white.png'
Image.new('RGB', (64, 64), 'white').save(ORIGINAL)


def shrink(image):
  image.thumbnail((16, 16))
  return image


def cover(image):
  ImageDraw.Draw(image).rectangle((0, 0, 63, 63), fill='black')
  return image


def paste(image):
  image.paste('black', (0, 0, 64, 64))
  return image


def from_bytes():
  return Image.open(io.BytesIO(ORIGINAL.read_bytes()))


def generated(edit, start):
  def rows():
    yield {'image': edit(start())}

  return datasets.Dataset.from_generator(rows, features=IMAGE, cache_dir=FOLDER / f'{edit.__name__}{id(rows)}')


def listed(edit, start):
  return datasets.Dataset.from_dict({'image': [edit(start())]}, features=IMAGE)


def mapped(edit, start):
  paths = datasets.Dataset.from_dict({'image': [str(ORIGINAL)]}, features=IMAGE)
  return paths.map(lambda row: {'image': edit(row['image'])})


def exported(edit, start):
  listed(edit, start).to_parquet(FOLDER / 'data.parquet')
  return datasets.Dataset.from_parquet(str(FOLDER / 'data.parquet'), cache_dir=FOLDER / f'{edit.__name__}_parquet')


def stored(make, edit, start):
  image = make(edit, start)[0]['image']
  return image.size, int(np.asarray(image).max())


def opened():
  return Image.open(ORIGINAL)


def copied():
  return Image.open(ORIGINAL).copy()


EDITS = {shrink: ((16, 16), 255), cover: ((64, 64), 0), paste: ((64, 64), 0)}
UNEDITED = (64, 64), 255
right, wrong = [], []
for edit, wanted in EDITS.items():
  for start in (from_bytes, copied):
    seen = stored(listed, edit, start)
    right.append(seen == wanted)
    print(f'{edit.__name__}, {start.__name__}: size and brightest value {seen}, wanted {wanted}')
  for make in (generated, listed, mapped, exported):
    seen = stored(make, edit, opened)
    wrong.append(seen == UNEDITED)
    print(f'{edit.__name__}, opened from a file, {make.__name__}: {seen}, wanted {wanted}')
if not all(right):
  raise SystemExit('changed: not even copies are stored as they are')
if not all(wrong):
  raise SystemExit('changed: edits in place are now stored')
print('as stated: what was changed in place is stored unchanged')
PY
