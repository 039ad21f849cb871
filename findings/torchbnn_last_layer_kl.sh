#!/usr/bin/env bash
# The last_layer_only of torchbnn's BKLLoss takes the bias of the last layer only: its weights have no KL divergence.
#
# Sworn: BKLLoss(last_layer_only=True), "only the last layer's KL divergence", is the divergence of the last layer's
#   weights and biases from the prior, divided by their number with the reduction "mean", the default.
# Seen: it is the divergence of the biases alone, and "mean" and "sum" give the same. Of a last layer of 4 x 2 weights
#   with mean 0.5 and 2 biases with mean 0.2, prior N(0, 0.1), it is 4 in place of 104 (sum) or 10.4 (mean). The weights
#   get no gradient from it: with a prior as the only loss they stay at 0.5. Without a bias it is the weights' sum.
# Version: torchbnn 1.2 with torch 2.13.0 and numpy 2.4.6, 2026-12-01.
#   Source: torchbnn/functional.py, bayesian_kl_loss() (the biases' divergence replaces the weights').
# Matters: training runs, the loss looks plausible, and the weights that it is to regularize are not.
# Instead: BKLLoss(reduction='sum')(model.last_layer) on the last layer itself.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6' 'torchbnn==1.2'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import torch
import torchbnn
from torch.distributions import Normal, kl_divergence

torch.set_num_threads(1)


def network(bias):
  model = torch.nn.Sequential(torchbnn.BayesLinear(0, 0.1, 3, 4), torch.nn.ReLU(),
                              torchbnn.BayesLinear(0, 0.1, 4, 2, bias=bias))
  with torch.no_grad():
    model[-1].weight_mu.fill_(0.5)
    if bias:
      model[-1].bias_mu.fill_(0.2)
  return model


def closed_form(layer):
  """Divergences of the weights and of the biases, by torch's distributions in float64."""
  pairs = [(layer.weight_mu, layer.weight_log_sigma)] + ([(layer.bias_mu, layer.bias_log_sigma)] if layer.bias else [])
  prior = Normal(torch.tensor(0.0).double(), torch.tensor(0.1).double())
  return [kl_divergence(Normal(mean.double(), log.double().exp()), prior).sum().item() for mean, log in pairs]


model = network(bias=True)
weights, biases = closed_form(model[-1])
summed, mean = [torchbnn.BKLLoss(reduction=reduction, last_layer_only=True)(model) for reduction in ('sum', 'mean')]
summed.backward()
gradient, of_bias = model[-1].weight_mu.grad, model[-1].bias_mu.grad
print(f'divergence of the last layer: weights {weights:.2f}, biases {biases:.2f}; last_layer_only: sum'
      f' {summed.item():.2f}, mean {mean.item():.2f}; gradient of the weights {gradient}, of the biases {of_bias}')
alone = torchbnn.BKLLoss(reduction='sum')(model[-1]).item()
print(f'BKLLoss of the last layer itself: {alone:.2f}')
without = network(bias=False)
kept = torchbnn.BKLLoss(last_layer_only=True)(without).item()
print(f'last layer without a bias: {closed_form(without[-1])[0]:.2f}, last_layer_only: {kept:.2f}')

ends = []
for only in (True, False):
  model = network(bias=True)
  optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
  for _ in range(100):
    loss = torchbnn.BKLLoss(reduction='sum', last_layer_only=only)(model)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
  ends.append([tensor.abs().mean().item() for tensor in (model[-1].weight_mu, model[-1].bias_mu)])
print('100 steps of descent of the divergence: last_layer_only leaves weights at {:.3f}, biases at {:.3f};'.format(
  *ends[0]), 'that of all layers at {:.3f} and {:.3f}'.format(*ends[1]))
if abs(alone - weights - biases) > 0.01 or ends[1][0] > 0.01:
  raise SystemExit('changed: the divergence of a layer is off')
if abs(summed.item() - biases) > 0.01 or mean.item() != summed.item() or gradient is not None or ends[0][0] < 0.49:
  raise SystemExit('changed: last_layer_only counts the weights, or heeds the reduction')
print('as stated: the weights of the last layer are left out')
PY
