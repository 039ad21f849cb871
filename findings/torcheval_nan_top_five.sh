#!/usr/bin/env bash
# torcheval says of a network whose outputs are all NaN that its top-5 accuracy is 100 %.
#
# Sworn: outputs that are NaN, or all equal, tell the classes no better than chance. The top-5 accuracy of 1000 classes
#   is then 0.5 % or NaN, and never above what a perfect network gets in earnest.
# Seen: with k above 1 an example counts as right if fewer than k outputs are greater than that of its label. No number
#   is greater than NaN, and none is greater than its equal: 100 % for a diverged network, 100 % for one that answers
#   every input with zeros. With k=1 another branch, by argmax, gives 0.1 %. hit_rate and reciprocal_rank say 1 as well.
#   Nothing is said.
# Version: torcheval 0.0.7, torch 2.13.0 (the CPU build is enough), 2026-11-30. Source: torcheval/metrics/functional,
#   classification/accuracy.py, _multiclass_accuracy_update(), and ranking/hit_rate.py.
# Matters: at the high learning rates that BatchNorm is to make possible, some runs diverge; ranked by top-5 accuracy
#   they come first, and the checkpoint that is kept as the best is the one of NaN.
# Instead: take topk() of the outputs and look for the label in it, and stop at NaN.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'torcheval==0.0.7' 'numpy==2.4.6'
"$work/venv/bin/python" -W ignore - <<'PY'
import torch
from torch import nn
from torcheval.metrics import MulticlassAccuracy
from torcheval.metrics.functional import hit_rate, reciprocal_rank

torch.set_num_threads(1)
torch.manual_seed(0)
CLASSES = 1000
labels = torch.randint(CLASSES, (2000,))


def accuracy(outputs, k):
  metric = MulticlassAccuracy(k=k)
  for part, target in zip(outputs.split(100), labels.split(100), strict=True):
    metric.update(part, target)
  return round(float(metric.compute()), 4)


def scores(outputs):
  """Gives top-1 and top-5 accuracy, hit rate, mean reciprocal rank, and top-5 accuracy by topk()."""
  hits = (outputs.topk(5).indices == labels[:, None]).any(1)
  ranks = reciprocal_rank(outputs, labels).mean()
  numbers = (hit_rate(outputs, labels, k=5).mean(), ranks, hits.float().mean())
  return [accuracy(outputs, 1), accuracy(outputs, 5), *(round(float(number), 4) for number in numbers)]


def diverged():
  """Trains a small network with a learning rate that is far too high, and gives its outputs."""
  inputs = torch.randn(len(labels), 32)
  net = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, CLASSES))
  optimizer = torch.optim.SGD(net.parameters(), lr=1e6)
  for _ in range(10):
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(inputs), labels).backward()
    optimizer.step()
  return net(inputs).detach()


good = torch.randn(len(labels), CLASSES)
good[torch.arange(len(labels)), labels] += 2
lost = diverged()
print('of the outputs of the diverged network, NaN:', float(lost.isnan().float().mean()))
seen = {
  'fair network': scores(good),
  'diverged network': scores(lost),
  'zeros': scores(torch.zeros(len(labels), CLASSES)),
}
print('top-1, top-5, hit rate of 5, reciprocal rank, and top-5 by topk():')
for name, numbers in seen.items():
  print(f'  {name}: {numbers}')
fair, nan, zeros = seen.values()
if abs(fair[1] - fair[4]) > 1e-3 or not 0.05 < fair[1] < 0.9:
  raise SystemExit('changed: the accuracy of ordinary outputs is not right')
if nan[1:4] != [1, 1, 1] or zeros[1:4] != [1, 1, 1] or nan[0] > 0.1 or zeros[0] > 0.1:
  raise SystemExit('changed: outputs that say nothing no longer count as right')
print('as stated: top-1 accuracy of chance, top-5 accuracy of 100 %')
PY
