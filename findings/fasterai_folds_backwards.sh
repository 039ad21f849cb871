#!/usr/bin/env bash
# fasterai folds the BatchNorm that opens a pre-activation block into the block's last convolution.
#
# Sworn: BN_Folder().fold(model) folds "BatchNorm2d layers into their preceding Conv2d layers" and leaves the outputs as
#   they were; a BatchNorm that no convolution precedes stays.
# Seen: for the first child of a module the child before it, number -1, is the last one. In a residual block with
#   pre-activation, whose children are bn1, conv1, bn2 and conv2, bn1 is folded into conv2, behind two convolutions,
#   and an identity stands in its place. Of a network of three such blocks (8 channels) outputs are wrong by 21 times
#   their spread, and no argmax of 256 is the same; nothing is said. The same network with the norms behind the
#   convolutions keeps its outputs to 7e-6 of the spread.
# Version: fasterai 0.4.1 with torch 2.13.0 and numpy 2.4.6, 2026-12-01. Source: fasterai/misc/bn_folding.py,
#   BN_Folder.fold() (module_names[k-1] with k = 0).
# Matters: pre-activation ResNets, as for CIFAR, have this order of children; accuracy falls to chance "for inference
#   optimization".
# Instead: torch.fx.experimental.optimization.fuse(), which follows the calls (but see fold_shared_conv.sh), or
#   torch.nn.utils.fusion.fuse_conv_bn_eval() for pairs that one names oneself.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6'
# Its other requirements are for training, pruning and decompositions of convolutions.
"$work/venv/bin/pip" install -q --no-deps 'fasterai==0.4.1'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import torch
from fasterai.misc.bn_folding import BN_Folder
from torch import nn
from torch.fx.experimental.optimization import fuse

torch.set_num_threads(1)


class PreActivation(nn.Module):
  def __init__(self, channels):
    super().__init__()
    self.bn1 = nn.BatchNorm2d(channels)
    self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    self.bn2 = nn.BatchNorm2d(channels)
    self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

  def forward(self, x):
    return x + self.conv2(self.bn2(self.conv1(self.bn1(x).relu())).relu())


class PostActivation(nn.Module):
  def __init__(self, channels):
    super().__init__()
    self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    self.bn1 = nn.BatchNorm2d(channels)
    self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    self.bn2 = nn.BatchNorm2d(channels)

  def forward(self, x):
    return (x + self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))).relu()


def network(block):
  torch.manual_seed(0)
  return nn.Sequential(nn.Conv2d(3, 8, 3), *(block(8) for _ in range(3)), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                       nn.Linear(8, 10))


def compare(name, model):
  """Largest error, relative to the spread over examples, and share of equal argmaxes, by the library and by fuse."""
  images = torch.randn(256, 3, 8, 8)
  for layer in model.modules():
    if isinstance(layer, nn.BatchNorm2d):
      nn.init.uniform_(layer.weight, 0.5, 1.5)
      nn.init.normal_(layer.bias, std=0.5)
  with torch.no_grad():
    for _ in range(30):
      model(images)
    model.eval()
    right = model(images).flatten(1)
    spread = right.std(0).mean()
    result = []
    for folded in (BN_Folder().fold(model), fuse(model)):
      output = folded(images).flatten(1)
      result += [((output - right).abs().max() / spread).item(),
                 (output.argmax(1) == right.argmax(1)).float().mean().item()]
  print('{}: error {:.1e} of the spread, {:.1%} of argmaxes kept; torch.fx: {:.1e}, {:.1%}'.format(name, *result))
  return result


post = compare('norms after convolutions', network(PostActivation))
pre = compare('norms before convolutions', network(PreActivation))
if max(post[0], post[2], pre[2]) > 1e-3:
  raise SystemExit('changed: norms after convolutions, or torch.fx, are wrong as well')
if pre[0] < 1 or pre[1] > 0.5:
  raise SystemExit('changed: the first norm of a block is not folded into its last convolution')
print('as stated: the first norm is folded into the last convolution')
PY
