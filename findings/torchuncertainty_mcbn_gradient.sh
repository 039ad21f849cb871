#!/usr/bin/env bash
# The Monte-Carlo BatchNorm of Torch-Uncertainty lets no gradient through: of its LeNet only the linear layers train.
#
# Sworn: MCBatchNorm2d in training mode applies "the batchnorm as in its normal training mode", as it says. The LeNet of
#   the library takes it as its norm, and such a network trains as with nn.BatchNorm2d, whose outputs it equals.
# Seen: forward() is under torch.no_grad(), in training mode, too. Outputs and loss equal those with nn.BatchNorm2d;
#   gradients of the scales and offsets and of everything before the last such layer are missing. The optimizer passes
#   over them, the loss falls by the layers behind, and after training both convolutions are, bit for bit, the random
#   ones that they began as.
# Version: torch-uncertainty 0.13.0 with torch 2.13.0, numpy 2.4.6 and einops 0.8.2, 2026-12-01.
#   Source: torch_uncertainty/layers/mc_batch_norm.py. Its documentation says to use the layer only in the wrapper
#   MCBatchNorm; the wrapper, with convert=False, takes such a network and in training mode calls it as it is.
# Matters: the case of the paper's section 2, a normalization that the gradient does not see, taken to its end: one
#   trains a classifier on random features and compares it with others. No error, no warning.
# Instead: train with nn.BatchNorm2d and convert afterwards, for evaluation.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6' 'einops==0.8.2'
"$work/venv/bin/pip" install -q --no-deps 'torch-uncertainty==0.13.0'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import copy
import functools
import importlib.util
import pathlib
import sys
import types

import torch
from torch import nn
from torch.nn.functional import cross_entropy

# The package as a whole imports Lightning, timm and TorchVision. Empty ones with its paths load its modules without.
root = pathlib.Path(importlib.util.find_spec('torch_uncertainty').origin).parent
for name in ('torch_uncertainty', 'torch_uncertainty.models', 'torch_uncertainty.models.classification'):
  package = types.ModuleType(name)
  package.__path__ = [str(root.joinpath(*name.split('.')[1:]))]
  sys.modules[name] = package
from torch_uncertainty.layers.mc_batch_norm import MCBatchNorm2d  # noqa: E402
from torch_uncertainty.models.classification.lenet import lenet  # noqa: E402

torch.set_num_threads(1)
torch.manual_seed(0)
images = torch.randn(64, 1, 28, 28)
labels = images.mean((1, 2, 3)).gt(0).long()
normal = lenet(1, 2, norm=nn.BatchNorm2d)
monte_carlo = lenet(1, 2, norm=functools.partial(MCBatchNorm2d, num_estimators=4))
monte_carlo.load_state_dict(normal.state_dict(), strict=False)
first = copy.deepcopy(normal.state_dict())
results = {}
for name, network in (('BatchNorm2d', normal), ('MCBatchNorm2d', monte_carlo)):
  optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
  network.train()
  losses = []
  for _ in range(30):
    loss = cross_entropy(network(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
  still = [key for key, value in network.named_parameters() if torch.equal(value, first[key])]
  missing = [key for key, value in network.named_parameters() if value.grad is None]
  results[name] = losses, still, missing
  print(f'{name}: loss {losses[0]:.4f} at first, {losses[-1]:.4f} after 30 steps; no gradient and unmoved:',
        ' '.join(missing) or 'none')
(right, moved, all_there), (losses, still, missing) = results.values()
if moved or all_there or right[-1] > right[0] / 2:
  raise SystemExit('changed: the LeNet with nn.BatchNorm2d does not train')
if abs(losses[0] - right[0]) > 1e-5 or losses[-1] > losses[0]:
  raise SystemExit('changed: outputs in training mode are others, or the loss does not fall')
if still != missing or not {'conv1.weight', 'conv2.weight', 'norm1.weight', 'norm2.weight'} <= set(missing):
  raise SystemExit('changed: gradients reach the layers before MCBatchNorm2d')
print('as stated: what comes before the last MCBatchNorm2d stays as it was drawn')
PY
