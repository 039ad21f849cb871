#!/usr/bin/env bash
# torchsummary's table of a model changes the model's running statistics.
#
# Sworn: printing a summary changes nothing that is saved with the model.
# Seen: summary() sends two images of uniform noise through the model in whatever mode it is (a new model is in
#   training mode), so each call moves the running mean and variance a tenth of the way to those of noise and counts
#   a batch. With momentum None (the cumulative average) the noise weighs as much as each real batch.
#   torchinfo, which took its place, evaluates; so does torchview.
# Version: torchsummary 1.5.1, torchinfo 1.8.0, torch 2.13.0 (the CPU build is enough), 2026-11-28.
# Source: torchsummary/torchsummary.py. The page of the package does not say so.
# Matters: a model loaded to be looked at and evaluated afterwards evaluates differently; ten looks leave a third
#   of its own statistics (0.9 to the power 10).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6'
"$work/venv/bin/pip" install -q --no-deps 'torchsummary==1.5.1' 'torchinfo==1.8.0'
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io

import torch
import torchinfo
import torchsummary
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
for _ in range(100):
  model(10 + 5 * torch.randn(16, 3, 8, 8))
images = 10 + 5 * torch.randn(16, 3, 8, 8)


def evaluated():
  model.eval()
  with torch.no_grad():
    output = model(images)
  model.train()
  return output


def change(look):
  before, batches = evaluated(), int(model[1].num_batches_tracked)
  with contextlib.redirect_stdout(io.StringIO()):
    for _ in range(10):
      look()
  counted = int(model[1].num_batches_tracked) - batches
  return float((evaluated() - before).abs().max()), counted


info = change(lambda: torchinfo.summary(model, (2, 3, 8, 8), verbose=0))
looks = change(lambda: torchsummary.summary(model, (3, 8, 8), device='cpu'))
print('ten summaries: largest change of the evaluated output, batches counted')
print('torchinfo', info, 'torchsummary', looks)
if info != (0, 0) or looks[0] < 0.5 or looks[1] != 10:
  raise SystemExit('changed: torchsummary no longer moves the running statistics')
print('as stated: each summary counts as a training batch of noise')
PY
