#!/usr/bin/env bash
# fvcore's update_bn_stats sets the statistics of a BatchNorm that no batch has reached to mean 0 and variance 0.
#
# Sworn: "precise BN" puts the statistics of the batches that it has seen in place of the running ones; a layer that
#   the batches do not reach (another domain's norm, an auxiliary head, a skipped block) keeps its own.
# Seen: such a layer is left with mean 0 and variance 0. In evaluation it multiplies by 1 / sqrt(epsilon), 316, and
#   nothing is said. The code does look for unused layers, but writes its empty sums into them all the same.
#   Besides, the variance is E[x^2] - E[x]^2 in float32: around a mean of 1000 with deviation 0.1 it comes out
#   wrong by factors, often negative (the evaluated feature is NaN), where BatchNorm's own is right.
# Version: fvcore 0.1.5.post20221221, torch 2.13.0 (the CPU build is enough), 2026-11-29.
# Source: fvcore/nn/precise_bn.py, update_bn_stats() and _PopulationVarianceEstimator. The docstring warns of layers
#   with other state only.
# Matters: statistics are made precise last, just before evaluation; refreshing one domain's destroys the others'.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6' 'fvcore==0.1.5.post20221221'
"$work/venv/bin/python" -W ignore - <<'PY'
import torch
from fvcore.nn.precise_bn import update_bn_stats
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)


class Domains(nn.Module):
  """One layer for two domains, with a norm for each."""

  def __init__(self):
    super().__init__()
    self.layer = nn.Linear(4, 4)
    self.norms = nn.ModuleDict({'photos': nn.BatchNorm1d(4), 'sketches': nn.BatchNorm1d(4)})

  def forward(self, batch):
    domain, images = batch
    return self.norms[domain](self.layer(images))


def photos():
  return 'photos', torch.randn(64, 4)


def sketches():
  return 'sketches', 3 * torch.randn(64, 4) + 1


def size_of_outputs(model, batch):
  model.eval()
  with torch.no_grad():
    size = model(batch).abs().mean().item()
  model.train()
  return round(size, 3)


model = Domains()
for _ in range(100):
  model(photos())
  model(sketches())
look = sketches()
before = size_of_outputs(model, look)
update_bn_stats(model, [photos() for _ in range(20)], 20)
after = size_of_outputs(model, look)
reached, unused = model.norms['photos'], model.norms['sketches']
print('mean size of the outputs for sketches:', before, 'after statistics of photos were made precise:', after)
print('variance of photos:', reached.running_var.tolist())
print('mean and variance of sketches:', unused.running_mean.tolist(), unused.running_var.tolist())
wiped = not (unused.running_mean.any() or unused.running_var.any()) and reached.running_var.all()

plain, precise = nn.BatchNorm1d(1000, momentum=None), nn.BatchNorm1d(1000)
batches = [1000 + 0.1 * torch.randn(64, 1000) for _ in range(20)]
with torch.no_grad():
  for batch in batches:
    plain(batch)
update_bn_stats(precise, batches, 20)
right = plain.running_var
print('true variance 0.01, BatchNorm with momentum None:', right.min().item(), 'to', right.max().item())
wrong = precise.running_var
print('update_bn_stats:', wrong.min().item(), 'to', wrong.max().item())
with torch.no_grad():
  lost = int(precise.eval()(batches[0]).isnan().any(0).sum())
print('features of 1000 that evaluate to NaN:', lost)
if before > 2 or right.min() < 0.008 or right.max() > 0.013:
  raise SystemExit('changed: the running statistics are not right to begin with')
if not wiped or after < 50 * before:
  raise SystemExit('changed: a layer that was not reached now keeps its statistics')
if lost < 100:
  raise SystemExit('changed: the variance no longer cancels')
print('as stated: mean 0 and variance 0 where no batch has been, NaN where the mean is large')
PY
