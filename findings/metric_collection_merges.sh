#!/usr/bin/env bash
# torchmetrics.MetricCollection reports top-1 accuracy as top-5 for good, if the first batch had no hit.
#
# Sworn: metrics in one collection with different settings are counted apart; the collection shares counts only
#   between metrics that count the same thing, such as precision and recall.
# Seen: after the first batch the collection merges the metrics whose counts are equal at that moment. An untrained
#   net has none of 32 labels of 1000 among its five best in most batches, so top-1 and top-5 merge. They stay so
#   after reset() and in clone(); nothing is said. Accuracies at two thresholds and with and without ignore_index
#   merge likewise. With average='micro' (the default is 'macro') top-1 and top-5 stay apart; so do all metrics
#   of a collection that is called and never told to update().
# Version: torchmetrics 1.9.0, torch 2.13.0 (the CPU build is enough), 2026-11-29. Source: torchmetrics/collections.py,
#   MetricCollection._merge_compute_groups(). Reported in issues 2596 and 2916 for other metrics;
#   compute_groups=False is the way round.
# Matters: the top-5 accuracy of a whole training depends on its very first batch.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'torchmetrics==1.9.0' 'numpy==2.4.6'
"$work/venv/bin/python" -W ignore - <<'PY'
import torch
from torchmetrics import MetricCollection
from torchmetrics.classification import BinaryAccuracy, MulticlassAccuracy

torch.set_num_threads(1)
CLASSES = 1000


def ranks(first, groups=True):
  """Evaluates a trained net, each class four times, after a batch of an untrained one."""
  collection = MetricCollection(
    {f'top{k}': MulticlassAccuracy(CLASSES, top_k=k) for k in (1, 5)}, compute_groups=groups
  )
  collection.update(*first)
  collection.reset()
  torch.manual_seed(1)
  labels = torch.arange(CLASSES).repeat(4)
  logits = torch.randn(len(labels), CLASSES)
  logits[torch.arange(len(labels)), labels] += 3
  for part, target in zip(logits.split(100), labels.split(100), strict=True):
    collection.update(part, target)
  return {name: round(float(value), 4) for name, value in collection.compute().items()}


def thresholds(groups):
  collection = MetricCollection(
    {name: BinaryAccuracy(threshold=t) for name, t in (('low', 0.5), ('high', 0.9))}, compute_groups=groups
  )
  torch.manual_seed(0)
  collection.update(torch.tensor([0.1, 0.95]), torch.tensor([0, 1]))
  collection.update(torch.rand(1000), torch.ones(1000, dtype=torch.long))
  return {name: round(float(value), 4) for name, value in collection.compute().items()}


torch.manual_seed(0)
batches = [(torch.randn(32, CLASSES), torch.randint(CLASSES, (32,))) for _ in range(100)]
hits = [int((logits.topk(5).indices == labels[:, None]).sum()) for logits, labels in batches]
without, with_hit = batches[hits.index(0)], batches[hits.index(1)]
print('of 100 first batches of an untrained net, without a hit among the five best:', hits.count(0))
true, lucky, merged = ranks(without, groups=False), ranks(with_hit), ranks(without)
print('trained net, compute_groups=False:', true)
print('trained net, first batch ever with a hit:', lucky)
print('trained net, first batch ever without a hit:', merged)
apart, together = thresholds(False), thresholds(True)
print('two thresholds, compute_groups=False:', apart)
print('two thresholds, merged by a sure first batch:', together)
if lucky != true or true['top5'] < true['top1'] + 0.1 or len(set(apart.values())) != 2:
  raise SystemExit('changed: the metrics that are not merged say something else')
if merged['top5'] != true['top1'] or len(set(together.values())) != 1:
  raise SystemExit('changed: metrics of different settings are no longer merged')
print('as stated: the first batch has made one metric of two')
PY
