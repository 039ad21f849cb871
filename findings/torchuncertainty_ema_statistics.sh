#!/usr/bin/env bash
# The EMA of Torch-Uncertainty evaluates every BatchNorm with the mean 0 and the variance 1 that it was made with.
#
# Sworn: EMA(network, momentum) trains the network and evaluates its moving average: parameters, and the statistics that
#   go with them, as torch.optim.swa_utils.AveragedModel with use_buffers=True does. An average over the last ten steps
#   of a network that has learned is about as good as the network.
# Seen: update_wrapper() averages parameters only, and nothing else ever touches the copy, so its running means and
#   variances stay what they were before the first step. A network that is right on 97 % of the data, of two classes,
#   evaluates to 59 %; the average by PyTorch is right on 98 %, that of EMA with new statistics on 99.6 %. SWA
#   and SWAG of the library have a bn_update() for this; EMA has none, and its training routines call none for it. No
#   error, no warning.
# Version: torch-uncertainty 0.13.0 with torch 2.13.0, numpy 2.4.6 and einops 0.8.2, 2026-12-01.
#   Source: torch_uncertainty/methods/ema.py, update_wrapper() and eval_forward().
# Matters: wrapping the network is all that one does, and validation, tests and saved outputs all run the copy.
# Instead: AveragedModel as above, or torch.optim.swa_utils.update_bn(loader, wrapper.ema_model) before evaluation.
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
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

# The package as a whole imports Lightning, timm and TorchVision. An empty one with its path loads its modules without.
package = types.ModuleType('torch_uncertainty')
package.__path__ = [str(pathlib.Path(importlib.util.find_spec('torch_uncertainty').origin).parent)]
sys.modules['torch_uncertainty'] = package
from torch_uncertainty.methods import EMA  # noqa: E402

torch.set_num_threads(1)
MOMENTUM = 0.9


def accuracy(network):
  network.eval()
  with torch.no_grad():
    return (network(inputs).argmax(1) == labels).float().mean().item()


def step(network):
  chosen = torch.randint(len(inputs), (64,))
  network.train()
  loss = cross_entropy(network(inputs[chosen]), labels[chosen])
  optimizer.zero_grad()
  loss.backward()
  optimizer.step()


torch.manual_seed(0)
inputs = torch.randn(1024, 8) + 10 * torch.rand(8)
labels = (inputs[:, 0] - inputs[:, 0].mean() > inputs[:, 1] - inputs[:, 1].mean()).long()
network = nn.Sequential(*(layer for _ in range(3) for layer in (
    nn.LazyLinear(32, bias=False), nn.BatchNorm1d(32), nn.ReLU())), nn.Linear(32, 2))
network(inputs[:2])  # only to give the lazy layers their sizes; statistics are reset below
for layer in network:
  if isinstance(layer, nn.BatchNorm1d):
    layer.reset_running_stats()
optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
wrapper = EMA(network, MOMENTUM)
reference = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(MOMENTUM), use_buffers=True)
for number in range(300):
  step(wrapper)
  wrapper.update_wrapper()
  reference.update_parameters(network)
found = accuracy(wrapper)
trained, averaged = accuracy(network), accuracy(reference)
statistics = [[layer.running_mean.abs().max().item() for layer in model if isinstance(layer, nn.BatchNorm1d)]
              for model in (network, wrapper.ema_model)]
update_bn(inputs.split(64), wrapper.ema_model)
renewed = accuracy(wrapper)
print(f'accuracy: network {trained:.1%}, its average by PyTorch {averaged:.1%}, by EMA {found:.1%},'
      f' by EMA with statistics collected anew {renewed:.1%}')
print('greatest running mean of each BatchNorm: network', [f'{value:.2f}' for value in statistics[0]],
      'EMA', [f'{value:.2f}' for value in statistics[1]])
if min(trained, averaged, renewed) < 0.95:
  raise SystemExit('changed: the network has not learned, or the average with right statistics is bad')
if any(statistics[1]) or found > 0.7:
  raise SystemExit('changed: the statistics of the average have moved, or it is good without')
print('as stated: the average is evaluated with the statistics of an untrained BatchNorm')
PY
