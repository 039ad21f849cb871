#!/usr/bin/env bash
# rebasin recalculates the statistics of BatchNorm from the first batch, again and again.
#
# Sworn: recalculate_batch_norms(model, dataloader, ...), which LerpSimple calls for each interpolated model, passes the
#   dataset, or the part of it asked for with dataset_percentage, through the model once.
# Seen: each of its steps begins to read the dataloader anew and takes the first batch. Of 100 values 0 to 99 in order,
#   10 at a time, the mean that it stores tends to 4.5, that of the first ten, not to 49.5, and the variance to 9.2,
#   not to 842. Nor does one pass reach it: the statistics restart at 0 and 1 and move with BatchNorm's momentum, so
#   that 10 steps give 2.9 and 6.3. With shuffle=True each step draws its batch anew:
#   67 of the 100 are seen, and give 30 and 526.
# Version: rebasin 0.0.47 with torch 2.13.0, numpy 2.4.6, scipy 1.17.1, torchview 0.2.7, graphviz 0.21 and tqdm 4.70.1,
#   2026-12-01. Source: rebasin/utils.py, recalculate_batch_norms() (next(iter(dataloader)) inside of the loop).
# Matters: loss barriers between networks with BatchNorm, which the statistics decide, and merged models that are
#   evaluated with the statistics of one batch.
# Instead: torch.optim.swa_utils.update_bn(), which resets the statistics and averages over every batch.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6' 'scipy==1.17.1' 'rebasin==0.0.47' 'torchview==0.2.7' \
  'graphviz==0.21' 'tqdm==4.70.1'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import torch
from rebasin.utils import recalculate_batch_norms
from torch import nn
from torch.optim.swa_utils import update_bn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)
values = torch.arange(100.0)[:, None]


class Seen(nn.Module):
  """A norm that notes which examples it has seen."""

  def __init__(self):
    super().__init__()
    self.norm = nn.BatchNorm1d(1)
    self.values = set()

  def forward(self, x):
    self.values |= set(x[:, 0].tolist())
    return self.norm(x)


def statistics(**options):
  model = Seen().eval()
  loader = DataLoader(TensorDataset(values, values), batch_size=10, shuffle=options.pop('shuffle', False))
  recalculate_batch_norms(model, loader, 0, None, False, **options)
  return model.norm.running_mean.item(), model.norm.running_var.item(), len(model.values)


def show(name, found):
  print(f'{name}: mean {found[0]:.1f}, variance {found[1]:.1f}, from {found[2]} examples')


reference = Seen().eval()
update_bn(DataLoader(TensorDataset(values), batch_size=10, shuffle=True), reference)
print(f'all examples: mean {values.mean().item():.1f}, variance {values.var().item():.1f};'
      f' update_bn: {reference.norm.running_mean.item():.1f}, {reference.norm.running_var.item():.1f}')
once, long, shuffled = statistics(), statistics(iterations=200), statistics(shuffle=True)
show('rebasin, in order', once)
show('rebasin, in order, 200 steps', long)
show('rebasin, shuffled', shuffled)

if abs(reference.norm.running_mean.item() - 49.5) > 0.1:
  raise SystemExit('changed: update_bn does not average over all batches')
if once[2] != 10 or long[2] != 10 or abs(long[0] - 4.5) > 0.01 or abs(once[0] - 2.93) > 0.01:
  raise SystemExit('changed: not the first batch again and again')
if shuffled[2] > 90:
  raise SystemExit('changed: a shuffled dataloader is read through')
print('as stated: the first batch stands for the dataset')
PY
