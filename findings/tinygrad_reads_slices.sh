#!/usr/bin/env bash
# tinygrad's torch_load reads a tensor that was saved as a slice with the values of its neighbours.
#
# Sworn: torch_load gives the values that torch.load gives, or raises; it knows strides, for a transposed weight
#   comes out right, and some layouts that it cannot read are refused.
# Seen: torch.save keeps a slice as a view of the whole: storage, offset and strides. Where the strides fall in the
#   usual order but leave gaps, as in weight[:, :3], a chunk along dimension 1 or every second element, torch_load
#   reads that many values in a row. Shapes agree, load_state_dict takes them, nothing is raised.
# Version: tinygrad 0.14.0, torch 2.13.0 (the CPU build is enough), ziglang 0.17.1 for a C compiler, 2026-11-29.
# Source: tinygrad/nn/state.py, _rebuild_tensor_v2() in torch_load, which checks strides of permuted tensors only.
# Matters: a checkpoint adapted from four channels to three, or split from a fused projection, is right in PyTorch and
#   scrambled in tinygrad.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6' 'tinygrad==0.14.0' 'ziglang==0.17.1'
printf '#!/bin/sh\nexec "%s" -m ziglang clang "$@"\n' "$work/venv/bin/python" > "$work/clang"
chmod +x "$work/clang"
HOME="$work" XDG_CACHE_HOME="$work" DEV=CPU CC="$work/clang" "$work/venv/bin/python" -W ignore - "$work/model.pt" <<'PY'
import sys

import torch
from tinygrad import nn
from tinygrad.nn.state import load_state_dict, torch_load

weight = torch.arange(2 * 4 * 2 * 2, dtype=torch.float32).reshape(2, 4, 2, 2)
fused = torch.arange(24, dtype=torch.float32).reshape(4, 6)
RIGHT = {
  'whole': weight,
  'rows 1 and 2': fused[1:3],
  'transposed': fused.T,
  'slice, contiguous()': weight[:, :3].contiguous(),
}
WRONG = {
  'three channels of four': weight[:, :3],
  'second chunk along dimension 1': fused.chunk(3, dim=1)[1],
  'every second element': torch.arange(6.0)[::2],
}
torch.save({**RIGHT, **WRONG}, sys.argv[1])
theirs, read = torch.load(sys.argv[1]), torch_load(sys.argv[1])
same = {}
for name, tensor in theirs.items():
  wanted, seen = tensor.flatten().tolist(), read[name].flatten().tolist()
  same[name] = seen == wanted
  print(f'{name}: {"the same" if same[name] else f"torch {wanted}, tinygrad {seen}"}')
conv = nn.Conv2d(3, 2, 2, bias=False)
load_state_dict(conv, {'weight': read['three channels of four']}, verbose=False)
loaded = conv.weight.flatten().tolist() == read['three channels of four'].flatten().tolist()
print('load_state_dict has taken the scrambled weight:', loaded)
if not all(same[name] for name in RIGHT):
  raise SystemExit('changed: tensors without gaps are no longer read right')
if any(same[name] for name in WRONG) or not loaded:
  raise SystemExit('changed: slices are now read right')
print('as stated: right shape, other values')
PY
