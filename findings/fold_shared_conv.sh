#!/usr/bin/env bash
# torch.fx.experimental.optimization.fuse folds two BatchNorms into one shared convolution.
#
# Sworn: folding for inference leaves the outputs as they were; a pair that cannot be folded is left alone, as
#   the pass does where the output of a convolution has a second reader.
# Seen: one convolution called on two inputs, each call followed by its own BatchNorm (a shared detection head
#   with statistics for each scale, or domain-specific statistics). The pass counts the readers of each call, not
#   the calls of each module. Both norms go into the same weights, one upon the other; both outputs are wrong
#   and nothing is said. ONNX Runtime, onnxslim and onnxsim leave the same graph's outputs right.
# Version: torch 2.13.0 (the CPU build is enough), 2026-11-28. Source: torch/fx/experimental/optimization.py, fuse().
#   The cause is reported in pytorch issue 104593 (2023); the docstring names no such limit.
# Matters: accuracy after folding falls for a network whose accuracy before was right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6'
"$work/venv/bin/python" -W ignore - <<'PY'
import torch
from torch import nn
from torch.fx.experimental.optimization import fuse


class TwoDomains(nn.Module):
  def __init__(self, shared):
    super().__init__()
    self.first = nn.Conv2d(3, 4, 3)
    self.second = self.first if shared else nn.Conv2d(3, 4, 3)
    self.norms = nn.ModuleList(nn.BatchNorm2d(4) for _ in range(2))

  def forward(self, a, b):
    return self.norms[0](self.first(a)), self.norms[1](self.second(b))


def errors_of_folding(shared):
  torch.manual_seed(0)
  model = TwoDomains(shared)
  a, b = torch.randn(2, 16, 3, 8, 8)
  for _ in range(50):
    model(a, 3 * b + 1)
  model.eval()
  with torch.no_grad():
    pairs = zip(model(a, b), fuse(model)(a, b), strict=True)
    return [float((x - y).abs().max()) for x, y in pairs]


apart, shared = errors_of_folding(False), errors_of_folding(True)
print('largest error of the two outputs, a convolution each:', apart)
print('largest error of the two outputs, one shared:', shared)
if max(apart) > 1e-4 or min(shared) < 0.1:
  raise SystemExit('changed: the pass no longer spoils a shared convolution')
print('as stated: two norms folded into one shared convolution, without a word')
PY
