#!/usr/bin/env bash
# brevitas forgets the epsilon of a BatchNorm that it moves in front of a concatenation.
#
# Sworn: preprocess_for_quantize(), which folds BatchNorms before quantization, leaves the outputs of a network in
#   evaluation mode as they were.
# Seen: where a BatchNorm follows a concatenation of convolutions, it is split into one for each of them, and these have
#   PyTorch's default epsilon of 1e-5, whatever the epsilon of the norm was. A channel of variance v then grows by the
#   root of (v + epsilon) / (v + 1e-5): with an epsilon of 1e-3, the value of Inception, EfficientNet and Keras, by 3.16
#   if v is 1e-4 and by 1.41 if it is 1e-3; single outputs are off by 2.3. With 1e-5, or without a concatenation, the
#   error is below 1e-6.
# Version: brevitas 0.13.4 with torch 2.13.0 and numpy 2.4.6, 2026-12-01. Source: brevitas/graph/fixed_point.py,
#   MoveSplitBatchNormBeforeCat.is_converged().
# Matters: the float network that is calibrated is not the trained one, and quantization is blamed for the loss.
# Instead: give such a norm running_var + epsilon - 1e-5 and the epsilon 1e-5, or norm each branch by itself.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6' 'brevitas==0.13.4'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import torch
from brevitas.graph.quantize import preprocess_for_quantize
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)
images = torch.randn(8, 3, 8, 8)
WANTED = torch.logspace(-4, 0, 5)


class Branches(nn.Module):
  """Two convolutions, or one, and a norm of their outputs; channels have the variances WANTED."""

  def __init__(self, branches, epsilon):
    super().__init__()
    channels = len(WANTED)
    self.branches = nn.ModuleList(nn.Conv2d(3, channels, 1, bias=False) for _ in range(branches))
    self.norm = nn.BatchNorm2d(branches * channels, eps=epsilon, momentum=1.0)
    with torch.no_grad():
      for branch in self.branches:
        branch.weight *= (WANTED / branch(images).var((0, 2, 3))).sqrt()[:, None, None, None]

  def forward(self, x):
    outputs = [branch(x) for branch in self.branches]
    return self.norm(torch.cat(outputs, dim=1) if len(outputs) > 1 else outputs[0])


def growth(branches, epsilon):
  """By how much the standard deviation of each channel grows through the preparation, and the largest error."""
  model = Branches(branches, epsilon)
  with torch.no_grad():
    model(images)
    model.eval()
    before = model(images)
    after = preprocess_for_quantize(model)(images)
  ratio = (after.std((0, 2, 3)) / before.std((0, 2, 3)))[:len(WANTED)].tolist()
  print(f'{branches} branches, epsilon {epsilon:g}: error {(after - before).abs().max().item():.1e}, variances',
        *(f'{variance:g} times {value:.2f}' for variance, value in zip(WANTED.tolist(), ratio, strict=True)))
  return ratio


single, default, concatenated = growth(1, 1e-3), growth(2, 1e-5), growth(2, 1e-3)
expected = ((WANTED + 1e-3) / (WANTED + 1e-5)).sqrt().tolist()
print('by the wrong epsilon:', *(f'{value:.2f}' for value in expected))
if max(abs(value - 1) for value in single + default) > 1e-3:
  raise SystemExit('changed: norms without a concatenation, or with the default epsilon, are folded wrong')
if max(abs(value - wrong) for value, wrong in zip(concatenated, expected, strict=True)) > 0.01:
  raise SystemExit('changed: the epsilon is kept')
print('as stated: behind a concatenation the epsilon is 1e-5')
PY
