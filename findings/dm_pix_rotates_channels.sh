#!/usr/bin/env bash
# PIX turns a CHW image among its channels and rows: rotate() mixes the colours, and no column moves.
#
# Sworn: dm_pix.rotate() "assumes that the image is either HWC or CHW", so an image turns alike in both layouts.
# Seen: it turns the first two axes, which in CHW are channels and rows. A red square in an image of 32 x 32, turned by
#   15 degrees, is a square that stands upright, the same in red and in green, and nearly in blue; by 5 degrees green is
#   two thirds of red; by 90 degrees it is gone. In HWC it turns, and stays red. The shape is the same, also in vmap and
#   jit, and nothing is said.
# Version: dm-pix 0.4.5 with chex 0.1.92, jax 0.10.2 and numpy 2.4.6, 2026-11-30.
#   Source: dm_pix/_src/augment.py, rotate(): a matrix for axes 0 and 1 of any image. It has no channel_axis, which
#   rot90() and others beside it have.
# Matters: images that come as CHW, as many stored for PyTorch do, are trained on with false colours and are not turned;
#   the loss falls all the same.
# Instead: move the channels to the end, rotate, and move them back.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'dm-pix==0.4.5' 'chex==0.1.92' 'jax==0.10.2' 'numpy==2.4.6'
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python -W error - <<'PY'
import inspect

import dm_pix
import jax
import numpy as np

image = np.zeros((32, 32, 3), np.float32)
image[4:12, 10:22, 0] = 1
COLUMNS = np.arange(10, 22)


def turned(image, degrees):
  return np.asarray(dm_pix.rotate(image, np.deg2rad(degrees)))


def describe(layout, degrees, image):
  """Sums of the colours of a HWC image, and its columns that are not black."""
  sums = image.sum((0, 1)).round()
  columns = np.flatnonzero(image.any((0, 2)))
  stated = f'columns {columns[0]} to {columns[-1]}' if len(columns) else 'black'
  print(f'{layout} by {degrees} degrees: red {sums[0]:.0f}, green {sums[1]:.0f}, blue {sums[2]:.0f}, {stated}')
  return sums, columns


def channels_first(image):
  return image.transpose(2, 0, 1)


def channels_last(image):
  return image.transpose(1, 2, 0)


print([line.strip() for line in inspect.getdoc(dm_pix.rotate).splitlines() if 'CHW' in line])
right = {angle: describe('HWC', angle, turned(image, angle)) for angle in (5, 15, 90)}
seen = {angle: describe('CHW', angle, channels_last(turned(channels_first(image), angle))) for angle in (5, 15, 90)}
batch = jax.jit(jax.vmap(lambda image: dm_pix.rotate(image, np.deg2rad(15))))(channels_first(image)[None])
alike = np.allclose(batch[0], turned(channels_first(image), 15), atol=1e-5)
print('jit and vmap:', 'the same' if alike else 'another result')
print('90 degrees in HWC is', 'np.rot90' if np.allclose(turned(image, 90), np.rot90(image), atol=1e-4) else 'another')
if any(not 90 < sums[0] < 100 or sums[1:].any() or np.array_equal(moved, COLUMNS) for sums, moved in right.values()):
  raise SystemExit('changed: not even HWC images turn and keep their colours')
if seen[15][0][0] != seen[15][0][1] or seen[15][0][2] < 50 or seen[5][0][1] < 50 or seen[90][0].any() or not alike:
  raise SystemExit('changed: CHW images keep their colours')
if not np.array_equal(seen[5][1], COLUMNS) or not np.array_equal(seen[15][1], COLUMNS):
  raise SystemExit('changed: columns of CHW images move')
print('as stated: in CHW the channels turn with the rows, and no column moves')
PY
