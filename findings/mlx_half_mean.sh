#!/usr/bin/env bash
# MLX on the CPU: the mean of float16 values is infinite where their sum is above 65,504.
#
# Sworn: mx.mean of float16 accumulates wider, as NumPy's does (1 for 70,000 ones).
# Seen: mx.mean of 70,000 float16 ones is inf. nn.BatchNorm gives NaN for every value, and stores inf, for a batch of
#   32 maps of 28 by 28 around 10, none of which is near the limit.
#   bfloat16 is right: only the range is lost, not the digits.
# Version: mlx 0.32.4 with mlx-cpu 0.32.4, Linux x86-64, 2026-11-29.
# Source: mlx/nn/layers/normalization.py, BatchNorm._calc_stats takes mx.mean and mx.var of x as it is; of the sum
#   itself only what it gives was looked at.
# Matters: a network in float16 whose layers are fine by themselves loses its statistics to the batch size: each
#   feature needs only batch x height x width x mean above 65,504.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'mlx[cpu]==0.32.4' 'numpy==2.4.6'
"$work/venv/bin/python" -W ignore - <<'PY'
import mlx.core as mx
import mlx.nn as nn
import numpy as np

ones = np.ones(70_000, np.float16)
print('mean of 70,000 ones in float16: NumPy', ones.mean(), 'MLX', mx.mean(mx.array(ones)).item())
in_bfloat16 = mx.mean(mx.array(ones).astype(mx.bfloat16)).item()
print('in bfloat16, MLX', in_bfloat16)

images = 10 + np.random.default_rng(0).standard_normal((32, 28, 28, 4))
images = images.astype(np.float16)
layer = nn.BatchNorm(4)
y = np.array(layer(mx.array(images)).astype(mx.float32))
stored = np.array(layer.running_mean)
print('images: largest', images.max(), 'mean', images.mean(dtype=np.float32))
print('BatchNorm: share of NaN', np.isnan(y).mean(), 'stored mean', stored)
is_inf = np.isinf(mx.mean(mx.array(ones)).item())
if not is_inf or in_bfloat16 != 1 or not np.isnan(y).all() or not np.isinf(stored).all():
  raise SystemExit('changed: the mean of float16 values is no longer infinite')
print('as stated: the sum overflows, and BatchNorm gives NaN')
PY
