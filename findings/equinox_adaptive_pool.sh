#!/usr/bin/env bash
# equinox's adaptive pooling takes other windows than PyTorch's wherever sizes do not divide.
#
# Sworn: eqx.nn.AdaptiveAvgPool2d is torch.nn.AdaptiveAvgPool2d, as the layers of the same names around it agree
#   (window i from floor(i n / m) to ceil((i + 1) n / m), overlapping).
# Seen: windows do not overlap and the longer ones come first: 13 positions to 7 are six windows of two and a last of
#   one. The last row and column of the output are single pixels. Shapes agree and nothing is raised; the
#   values agree only where sizes divide.
# Version: equinox 0.13.8 with jax 0.10.2 beside torch 2.13.0 (the CPU build is enough), 2026-11-28.
# Source: equinox/nn/_pool.py, AdaptivePool. The docstring says "adaptive downsampling" and no rule; the
#   maintainer called the difference intended and worth documenting (equinox issue 641, 2024, open).
# Matters: weights of a VGG or AlexNet moved from PyTorch agree at 224 pixels (7 by 7 maps go into 7 by 7) and are
#   off at 416 (13 by 13), the place to look last.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6' 'equinox==0.13.8' 'jax==0.10.2' 'jaxlib==0.10.2'
JAX_PLATFORMS=cpu "$work/venv/bin/python" -W ignore - <<'PY'
import equinox as eqx
import numpy as np
import torch

row = np.arange(13, dtype=np.float32)
ours = np.asarray(eqx.nn.AdaptiveAvgPool1d(7)(row[None]))[0]
theirs = torch.nn.AdaptiveAvgPool1d(7)(torch.tensor(row[None])).numpy()[0]
print('0 to 12 in seven windows, equinox:', ours.tolist())
print('0 to 12 in seven windows, torch:  ', theirs.tolist())


def difference(size):
  images = np.random.default_rng(0).normal(size=(8, size, size)).astype(np.float32)
  a = np.asarray(eqx.nn.AdaptiveAvgPool2d(7)(images))
  b = torch.nn.AdaptiveAvgPool2d(7)(torch.tensor(images)).numpy()
  return float(np.abs(a - b).max())


whole, uneven = difference(14), difference(13)
print('largest difference of the two, 14 by 14 maps:', whole, '13 by 13 maps:', uneven)
apart = ours.tolist() == [0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.0]
if not apart or whole > 1e-5 or uneven < 0.5:
  raise SystemExit('changed: the two poolings no longer differ as stated')
print('as stated: same shape, other windows')
PY
