#!/usr/bin/env bash
# ptflops leaves the model it has counted in evaluation mode, so BatchNorm trains on frozen statistics.
#
# Sworn: a counter of operations leaves the model as it was, as torchinfo, thop and torchview do.
# Seen: get_model_complexity_info calls eval() on the caller's model and never goes back, with either back end. A
#   script that prints the cost of its model before the training loop, and calls train() once before that, trains
#   with running mean 0 and variance 1 from the first step to the last: no normalization at all, dropout off too.
# Version: ptflops 0.7.5, torchinfo 1.8.0, torch 2.13.0 (the CPU build is enough), 2026-11-28.
# Source: ptflops/pytorch_engine.py, ptflops/aten_engine.py. Neither the docstring nor the package page says so.
# Matters: the loss still falls, the statistics in the checkpoint are the initial ones, nothing is reported.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6'
"$work/venv/bin/pip" install -q --no-deps 'ptflops==0.7.5' 'torchinfo==1.8.0'
"$work/venv/bin/python" -W ignore - <<'PY'
import torch
from ptflops import get_model_complexity_info
from torch import nn
from torchinfo import summary


def batches_seen(count):
  """Trains ten steps after `count` has run; returns what BatchNorm has counted and its variance."""
  torch.manual_seed(0)
  model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.LazyLinear(2))
  model(torch.randn(2, 3, 8, 8))
  model[1].reset_running_stats()
  model.train()
  count(model)
  optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
  for _ in range(10):
    loss = nn.functional.cross_entropy(model(5 * torch.randn(16, 3, 8, 8)), torch.randint(2, (16,)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
  return int(model[1].num_batches_tracked), round(float(model[1].running_var.mean()), 3)


def ptflops(backend):
  options = dict(print_per_layer_stat=False, backend=backend)
  return lambda model: get_model_complexity_info(model, (3, 8, 8), **options)


seen = {
  'no counter': batches_seen(lambda model: None),
  'torchinfo': batches_seen(lambda model: summary(model, (2, 3, 8, 8), verbose=0)),
  'ptflops, pytorch': batches_seen(ptflops('pytorch')),
  'ptflops, aten': batches_seen(ptflops('aten')),
}
for name, (batches, variance) in seen.items():
  print(f'{name}: {batches} of 10 training batches in the statistics, mean running variance {variance}')
if [batches for batches, _ in seen.values()] != [10, 10, 0, 0]:
  raise SystemExit('changed: ptflops no longer leaves the model in evaluation mode')
print('as stated: after ptflops the model trains in evaluation mode')
PY
