#!/usr/bin/env bash
# A blitz network that was moved or copied before training answers with its initial weights once it is frozen.
#
# Sworn: freeze_() makes a network "predict using only the expected value" of its weights, which training has learned;
#   and model.to(device), model.double() and copy.deepcopy(model) leave a model what it is.
# Seen: each mean is two parameters, weight_mu and weight_sampler.mu, on one memory. Samples, and so training, use the
#   second, frozen answers the first. Whatever moves or copies parameters one by one (to another device or type, or
#   deepcopy) parts the two without a word: weight_mu stays as it was drawn. A line with slopes 1, -2 and 3, learned to
#   a mean square error of 0.000 (mean of samples), is frozen at 15.2, as before training; the same training without
#   the move has 0.000 both ways. state_dict() has both, so a checkpoint keeps them apart.
# Version: blitz-bayesian-pytorch 0.2.8 with torch 2.13.0 and numpy 2.4.6, 2026-12-01.
#   Source: blitz/modules/weight_sampler.py, TrainableRandomDistribution.__init__() (a Parameter made of a Parameter),
#   and forward_frozen() of each layer. This script needs no GPU: .double() parts them as .to('cuda') does.
# Matters: .to(device) before training is what the examples of the library do; on a GPU every frozen evaluation is that
#   of an untrained network.
# Instead: before freeze_(), module.weight_mu.data = module.weight_sampler.mu.data for each layer, and so for biases.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6'
# Its other requirements are for images and examples.
"$work/venv/bin/pip" install -q --no-deps 'blitz-bayesian-pytorch==0.2.8'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import copy

import torch
from blitz.modules import BayesianLinear
from blitz.utils import variational_estimator

torch.set_num_threads(1)


@variational_estimator
class Line(torch.nn.Module):
  def __init__(self):
    super().__init__()
    self.layer = BayesianLinear(3, 1)

  def forward(self, inputs):
    return self.layer(inputs)


def run(prepare, inputs):
  """Trains a line; says the error of samples and of the frozen network, and the frozen error before training."""
  torch.manual_seed(0)
  model = prepare(Line())
  inputs = inputs.to(model.layer.weight_mu.dtype)
  targets = inputs @ torch.tensor([[1.0], [-2.0], [3.0]], dtype=inputs.dtype)

  def frozen():
    model.freeze_()
    error = torch.nn.functional.mse_loss(model(inputs), targets).item()
    model.unfreeze_()
    return error

  before = frozen()
  optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
  for _ in range(100):
    loss = torch.nn.functional.mse_loss(model(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
  sampled = torch.nn.functional.mse_loss(model.mfvi_forward(inputs)[0], targets).item()
  return sampled, frozen(), before


generator = torch.Generator().manual_seed(1)
inputs = torch.randn(256, 3, generator=generator)
seen = {}
for name, prepare in (('as it is', lambda model: model), ('.double()', lambda model: model.double()),
                      ('deepcopy', copy.deepcopy)):
  seen[name] = run(prepare, inputs)
  print('{}: mean square error of samples {:.3f}, frozen {:.3f}, frozen before training {:.3f}'.format(
    name, *seen[name]))
if max(row[0] for row in seen.values()) > 0.01 or seen['as it is'][1] > 0.01:
  raise SystemExit('changed: training is off, or a network that was not moved fails')
if any(seen[name][1] != seen[name][2] for name in ('.double()', 'deepcopy')):
  raise SystemExit('changed: training reaches the frozen weights')
print('as stated: after a move or a copy the frozen network is the untrained one')
PY
