#!/usr/bin/env bash
# The burn-in of SGHMC in Torch-Uncertainty counts parameter tensors, not steps.
#
# Sworn: burn_in_steps=200, the default and "number of discarded steps used to update the state", estimates the scale of
#   each parameter's gradient over 200 steps.
# Seen: the counter rises once for every parameter tensor. With one tensor the burn-in takes 200 steps, and gradients of
#   size 0.01 have scales of 0.0085 to 0.0102. A network of 62, as many as a ResNet-18 has, burns in for 4 steps, to
#   scales of 0.0011 to 0.031. Of one with 400 only the first 200 have any part in it, for one step each; the others
#   keep the 1 they begin with, a hundred times too much.
# Version: torch-uncertainty 0.13.0 with torch 2.13.0 and numpy 2.4.6, 2026-12-01.
#   Source: torch_uncertainty/optim/sghmc.py, step(): burnt_in is one counter for all, raised within the loop over
#   parameters. "TODO: Check this implementation" stands above it; the documentation does not say so.
# Matters: every later step divides gradients by these scales. How far a layer moves depends on how many come before it.
# Instead: burn_in_steps times the number of parameter tensors that have gradients (62 of them: 0.0082 to
#   0.0116).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6'
"$work/venv/bin/pip" install -q --no-deps 'torch-uncertainty==0.13.0'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import importlib.util
import pathlib
import sys
import types

import torch
from torch import nn

# The package as a whole imports Lightning, timm and TorchVision. An empty one with its path loads its modules without.
package = types.ModuleType('torch_uncertainty')
package.__path__ = [str(pathlib.Path(importlib.util.find_spec('torch_uncertainty').origin).parent)]
sys.modules['torch_uncertainty'] = package
from torch_uncertainty.optim import SGHMC  # noqa: E402

torch.set_num_threads(1)
SIZE = 0.01  # of every gradient


def burn_in(tensors, length, steps):
  """Steps in which some state moved, tensors whose state ever moved, least and greatest scale of the gradients."""
  torch.manual_seed(0)
  parameters = [nn.Parameter(torch.zeros(4)) for _ in range(tensors)]
  optimizer = SGHMC(parameters, burn_in_steps=length)
  moving, before = 0, torch.ones(tensors, 4)  # the state begins with ones
  for _ in range(steps):
    for parameter in parameters:
      parameter.grad = SIZE * torch.randn(4)
    optimizer.step()
    now = torch.stack([optimizer.state[parameter]['v_hat'] for parameter in parameters])
    moving += not torch.equal(now, before)
    before = now
  scales = before.sqrt()
  return moving, int((before != 1).any(1).sum()), scales.min().item(), scales.max().item()


def tell(tensors, length, steps):
  moving, touched, least, greatest = burn_in(tensors, length, steps)
  print(f'tensors: {tensors}, burn_in_steps: {length}, steps: {steps}. The state moves in {moving} steps and {touched}'
        f' tensors; scales are {least:.4f} to {greatest:.4f}, right {SIZE}')
  return moving, touched, SIZE / 2 < least and greatest < 2 * SIZE


if tell(1, 200, 210) != (200, 1, True):
  raise SystemExit('changed: one tensor does not burn in for 200 steps')
if tell(62, 200, 210) != (4, 62, False) or tell(400, 200, 210) != (1, 200, False):
  raise SystemExit('changed: the burn-in is of another length')
if tell(62, 62 * 200, 210) != (200, 62, True):
  raise SystemExit('changed: the way around does not work')
print('as stated: the burn-in counts parameter tensors')
PY
