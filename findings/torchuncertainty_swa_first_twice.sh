#!/usr/bin/env bash
# The SWA of Torch-Uncertainty counts the first model twice.
#
# Sworn: stochastic weight averaging gives the mean of the models at the end of each cycle. Of weights 0, 3, 6 and 9 it
#   is 4.5.
# Seen: it is 3.6. The number of models averaged is set to 1 at the first one and then raised to 2. Each later model
#   gets a weight that is too small, so of K models the first weighs 2/(K+1) and every other 1/(K+1). The average of
#   two is two thirds the first. SWAG of the same library, which is derived from it, has the right mean.
# Version: torch-uncertainty 0.13.0 with torch 2.13.0, numpy 2.4.6 and einops 0.8.2, 2026-12-01.
#   Source: torch_uncertainty/methods/swa.py, update_wrapper().
# Matters: the first model is the one that has been trained least. The fewer cycles, the more of it; no number shows it.
# Instead: torch.optim.swa_utils.AveragedModel.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6' 'einops==0.8.2'
"$work/venv/bin/pip" install -q --no-deps 'torch-uncertainty==0.13.0'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import importlib.util
import pathlib
import sys
import types

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

# The package as a whole imports Lightning, timm and TorchVision. An empty one with its path loads its modules without.
package = types.ModuleType('torch_uncertainty')
package.__path__ = [str(pathlib.Path(importlib.util.find_spec('torch_uncertainty').origin).parent)]
sys.modules['torch_uncertainty'] = package
from torch_uncertainty.methods import SWA, SWAG  # noqa: E402


def average(models):
  """Weights of each of so many models in the average: one parameter for each, 1 in its own model and 0 elsewhere."""
  network = nn.Linear(models, 1, bias=False)
  swa = SWA(network, cycle_start=0, cycle_length=1)
  swag = SWAG(network, cycle_start=0, cycle_length=1, num_estimators=1)
  reference = AveragedModel(network)
  for epoch in range(models):
    with torch.no_grad():
      network.weight.copy_(torch.eye(models)[epoch:epoch + 1])
    swa.update_wrapper(epoch)
    swag.update_wrapper(epoch + 1)  # its first epoch is the one after the start
    reference.update_parameters(network)
  return (swa.swa_model.weight[0].tolist(), swag.swag_stats['model.swag_stats.weight_mean'][0].tolist(),
          reference.module.weight[0].tolist())


for models in (2, 4, 10):
  swa, swag, right = average(models)
  print(f'weights of {models} models: SWA', *(f'{value:.3f}' for value in swa[:4]), '... SWAG',
        *(f'{value:.3f}' for value in swag[:4]), '... PyTorch', *(f'{value:.3f}' for value in right[:4]), '...')
  if max(abs(value - 1 / models) for value in swag + right) > 1e-6:
    raise SystemExit('changed: SWAG or PyTorch does not give the mean')
  stated = [2 / (models + 1)] + [1 / (models + 1)] * (models - 1)
  if max(abs(value - other) for value, other in zip(swa, stated, strict=True)) > 1e-6:
    raise SystemExit('changed: the first model does not weigh twice as much')
print('as stated: the first model counts twice')
PY
