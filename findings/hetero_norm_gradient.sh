#!/usr/bin/env bash
# torch_geometric.nn.HeteroBatchNorm sends no gradient through the mean and the variance of the batch.
#
# Sworn: in training it is Batch Normalization for each type of node, as its docstring says and names the paper: with
#   a single type its outputs and its gradients are those of BatchNorm.
# Seen: the outputs are the same, the gradients are not. The batch's statistics are computed under no_grad, so they
#   count as constants. This is the very case of the paper's section 2: the bias below the norm grows step by step
#   though it changes no output, and the loss creeps up where BatchNorm's has settled.
# Version: torch_geometric 2.8.1, torch 2.13.0 (the CPU build is enough), 2026-11-29.
#   Source: torch_geometric/nn/norm/batch_norm.py, HeteroBatchNorm.forward().
# Matters: a comparison of norms on heterogeneous graphs measures something else under the name of BatchNorm.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'torch_geometric==2.8.1' 'numpy==2.4.6'
"$work/venv/bin/python" -W ignore - <<'PY'
import torch
from torch import nn
from torch_geometric.nn import BatchNorm, HeteroBatchNorm

torch.set_num_threads(1)
KIND = torch.zeros(256, dtype=torch.long)  # every row is of the one type


class OneType(HeteroBatchNorm):
  def __init__(self, features):
    super().__init__(features, num_types=1)

  def forward(self, x):
    return super().forward(x, KIND)


def output_and_gradient(norm, x, weights):
  x = x.clone().requires_grad_()
  output = norm(x)
  (output * weights).sum().backward()
  return output.detach(), x.grad


def train(norm):
  """Says how far the bias below the norm has gone, and the loss, after 100 and 300 steps of descent."""
  torch.manual_seed(0)
  layer = nn.Linear(8, 4)
  data, start = torch.randn(256, 8), layer.bias.detach().clone()
  targets = data[:, :4] + 1
  optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
  seen = []
  for step in range(1, 301):
    loss = (norm(layer(data)) - targets).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step in (100, 300):
      seen.append((float((layer.bias - start).norm()), float(loss)))
  return seen


torch.manual_seed(0)
x, weights = 3 * torch.randn(256, 4) + 2, torch.randn(256, 4)
plain_output, plain = output_and_gradient(BatchNorm(4), x, weights)
hetero_output, hetero = output_and_gradient(OneType(4), x, weights)
apart = float((plain_output - hetero_output).abs().max())
print('largest difference of the outputs:', apart)
print('gradient of a shift of each feature, BatchNorm:', plain.sum(0).tolist())
print('gradient of a shift of each feature, HeteroBatchNorm:', hetero.sum(0).tolist())
plain_run, hetero_run = train(BatchNorm(4).requires_grad_(False)), train(OneType(4).requires_grad_(False))
print('way of the bias and loss after 100 and 300 steps, BatchNorm:', plain_run)
print('way of the bias and loss after 100 and 300 steps, HeteroBatchNorm:', hetero_run)
if apart > 1e-4 or float(plain.sum(0).abs().max()) > 1e-3 or plain_run[1][0] > 0.01:
  raise SystemExit('changed: BatchNorm is not what it was, so there is nothing to compare with')
if float(hetero.sum(0).abs().max()) < 0.1 or hetero_run[1][0] < 10:
  raise SystemExit('changed: the gradient now goes through the statistics')
print('as stated: right outputs, gradients as if the statistics were constants')
PY
