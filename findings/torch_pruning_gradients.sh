#!/usr/bin/env bash
# torch-pruning's Hessian importance keeps the gradient of the last example only; its Taylor importance skips BatchNorm.
#
# Sworn: GroupHessianImportance.accumulate_grad(), called after the backward pass of each example, sums the squared
#   gradients, as its docstring and the library's examples say: the diagonal of the Fisher matrix. TaylorImportance
#   scores the types of layer that it is given, among them by default BatchNorm.
# Seen: after 40 examples the importance is, to the last bit, that of the last example by itself. Of two hidden units
#   for each of two classes a pruner then takes both of the class that does not come last: its loss is 0.69, a coin's.
#   By the mean of all examples it takes one of each, and both losses are 0.00. TaylorImportance with
#   target_types=[BatchNorm2d] is None, and a pruner leaves 8 of 8 channels, where Hessian and magnitude importance are
#   scores that leave 4; by all types of layer the Taylor scores stay if the scales of BatchNorm grow tenfold.
# Version: torch-pruning 1.6.1, torch 2.13.0, numpy 2.4.6, 2026-12-01. Source: torch_pruning/pruner/importance.py,
#   GroupHessianImportance.accumulate_grad() looks up a parameter's name in a dictionary whose keys are the parameters,
#   finds nothing, and starts anew; GroupTaylorImportance.__call__() asks for the function of GroupNorm instead.
# Matters: "Hessian" and "Taylor" columns of pruning comparisons; which channels go depends on the order of the data.
# Instead: sum the squared gradients oneself, put their means into .grad, and do not call accumulate_grad().
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6' 'torch-pruning==1.6.1'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import torch
import torch_pruning as tp
from torch import nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)
EXAMPLES = 40
labels = torch.arange(EXAMPLES) % 2
inputs = torch.eye(2)[labels] * torch.linspace(0.9, 1.1, EXAMPLES)[:, None]


def classifier():
  """Of four hidden units two see class 0 and two see class 1, one of each strongly."""
  model = nn.Sequential(nn.Linear(2, 4, bias=False), nn.ReLU(), nn.Linear(4, 2, bias=False))
  strength = torch.tensor([2.0, 1.0, 1.0, 2.0])
  units = torch.eye(2)[[0, 0, 1, 1]]
  with torch.no_grad():
    model[0].weight.copy_(units * strength[:, None])
    model[2].weight.copy_((2 * units - 1).T * strength)
  return model


def scores(order, by_library):
  """Scores of the hidden units, and each class's loss once half of the units are gone."""
  model = classifier()
  importance = tp.importance.GroupHessianImportance(normalizer=None)
  squares = [torch.zeros_like(parameter) for parameter in model.parameters()]
  for index in order:
    model.zero_grad()
    cross_entropy(model(inputs[index:index + 1]), labels[index:index + 1]).backward()
    if by_library:
      importance.accumulate_grad(model)
    for square, parameter in zip(squares, model.parameters(), strict=True):
      square += parameter.grad ** 2 / len(order)
  if not by_library:
    for square, parameter in zip(squares, model.parameters(), strict=True):
      parameter.grad = square
  pruner = tp.pruner.BasePruner(model, inputs[:1], importance, pruning_ratio=0.5, ignored_layers=[model[2]])
  group = pruner.DG.get_pruning_group(model[0], tp.prune_linear_out_channels, idxs=list(range(4)))
  result = importance(group).tolist()
  pruner.step()
  with torch.no_grad():
    losses = cross_entropy(model(inputs), labels, reduction='none')
  return result, [losses[labels == label].mean().item() for label in (0, 1)]


def show(name, found):
  print(name, 'scores', *(f'{value:.2g}' for value in found[0]), 'losses', *(f'{value:.3f}' for value in found[1]))


forward, backward = list(range(EXAMPLES)), list(range(EXAMPLES))[::-1]
right = scores(forward, by_library=False)
ends_in_1, ends_in_0 = scores(forward, by_library=True), scores(backward, by_library=True)
last = scores(forward[-1:], by_library=True)
show('mean of all examples:', right)
show('library, last example of class 1:', ends_in_1)
show('library, last example of class 0:', ends_in_0)
show('library, one example only:', last)

images = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(0))
targets = torch.arange(16) % 4


def channels_left(importance, scale=1.0):
  """Channels left of 8, and the scores before, if the first channels' BatchNorm scales are larger."""
  torch.manual_seed(0)
  model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 6 * 6, 4))
  cross_entropy(model(images), targets).backward()
  with torch.no_grad():
    model[1].weight[:4] *= scale
  pruner = tp.pruner.BasePruner(model, images[:1], importance, pruning_ratio=0.5, ignored_layers=[model[3]])
  found = importance(pruner.DG.get_pruning_group(model[0], tp.prune_conv_out_channels, idxs=list(range(8))))
  pruner.step()
  return model[0].out_channels, found


left = {}
for name in ('Taylor', 'Hessian', 'Magnitude'):
  make = getattr(tp.importance, f'Group{name}Importance')
  left[name], found = channels_left(make(target_types=[nn.BatchNorm2d]))
  moved = (channels_left(make(normalizer=None))[1] - channels_left(make(normalizer=None), 10.0)[1]).abs().max().item()
  print(f'{name} of BatchNorm alone: {left[name]} of 8 channels left, scores {"None" if found is None else "given"};'
        f' scores by all layers move by {moved:.2g} if scales grow tenfold')
  if (moved == 0) != (name == 'Taylor'):
    raise SystemExit('changed: only the Taylor scores do not see the scale')
if max(right[1]) > 0.05:
  raise SystemExit('changed: the mean of all examples does not keep both classes')
if ends_in_1[0] != last[0] or ends_in_1[1][0] < 0.6 or ends_in_0[1][1] < 0.6 or ends_in_1[1][1] > 0.05:
  raise SystemExit('changed: it is not the last example that decides')
if left != {'Taylor': 8, 'Hessian': 4, 'Magnitude': 4}:
  raise SystemExit('changed: Taylor importance prunes by BatchNorm, or the others do not')
print('as stated: the last example stands for all, and Taylor importance leaves BatchNorm out')
PY
