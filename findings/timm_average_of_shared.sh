#!/usr/bin/env bash
# timm's ModelEmaV2 and ModelEmaV3 average shared weights and BatchNorm statistics twice in every step.
#
# Sworn: a tensor that the model has under two names (a head used at two places, tied weights, a shared BatchNorm) is
#   one tensor in the copy too, and the average with decay 0.9 takes in a tenth of it at each update, like torch's own
#   AveragedModel, which counts each tensor once.
# Seen: the update goes through state_dict(), which lists a shared tensor once for each name, and all entries are the
#   same memory: a tensor of two names is averaged twice in a row, with decay 0.81 for 0.9. Its average is half as long
#   as those of its neighbours, with three names a third. foreach on or off is the same; with exclude_buffers=True,
#   which goes by parameters(), the weights are right. Nothing is said.
# Version: timm 1.0.31, torch 2.14.1, torchvision 0.29.1 (the CPU builds are enough), 2026-11-30.
#   Source: timm/utils/model_ema.py, ModelEmaV2._update() and ModelEmaV3.apply_update_().
# Matters: the averaged net is put together from weights of different times, and the statistics of a shared BatchNorm
#   are not those that belong to the averaged weights before it.
# Instead: torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn() and use_buffers=True.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.14.1' 'torchvision==0.29.1' 'timm==1.0.31' 'numpy==2.4.6'
"$work/venv/bin/python" -W ignore - <<'PY'
import torch
from timm.utils import ModelEmaV2, ModelEmaV3
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

torch.set_num_threads(1)
DECAY = 0.9


class Heads(nn.Module):
  """Two heads for two resolutions, with one norm between them or with a norm each."""

  def __init__(self, shared):
    super().__init__()
    norm = nn.BatchNorm1d(1)
    self.coarse = nn.Sequential(nn.Linear(1, 1), norm)
    self.fine = nn.Sequential(nn.Linear(1, 1), norm if shared else nn.BatchNorm1d(1))


class Torch(AveragedModel):
  def __init__(self, model, decay):
    super().__init__(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
    self.update_parameters(model)  # the first one copies

  update = AveragedModel.update_parameters


def average(kind, shared, **options):
  """Lets all numbers of the model go from 1 to 11 in ten steps, and gives averages of a scale, a mean and a weight."""
  model = Heads(shared)
  with torch.no_grad():
    for step in range(11):
      for tensor in (model.coarse[0].weight, model.coarse[1].weight, model.coarse[1].running_mean):
        tensor.fill_(step + 1)
      if step == 0:
        averaged = kind(model, decay=DECAY, **options)
      else:
        averaged.update(model)
  part = averaged.module.coarse
  return [round(float(tensor), 3) for tensor in (part[1].weight, part[1].running_mean, part[0].weight)]


def by_hand(decay):
  value = 1.0
  for step in range(1, 11):
    value = decay * value + (1 - decay) * (step + 1)
  return round(value, 3)


kinds = {
  'torch AveragedModel': (Torch, {}),
  'ModelEmaV2': (ModelEmaV2, {}),
  'ModelEmaV3': (ModelEmaV3, {}),
  'ModelEmaV3 without foreach': (ModelEmaV3, dict(foreach=False)),
  'ModelEmaV3 without buffers': (ModelEmaV3, dict(exclude_buffers=True)),
}
print('averages by hand with decay 0.9 and 0.81:', by_hand(DECAY), by_hand(DECAY**2))
print('scale and mean of the norm, and weight of the layer before it, with a norm each and with a shared one:')
seen = {}
for name, (kind, options) in kinds.items():
  apart, shared = seen[name] = average(kind, False, **options), average(kind, True, **options)
  print(f'  {name}: {apart} {shared}')
right, twice = [by_hand(DECAY)] * 3, [by_hand(DECAY**2)] * 2 + [by_hand(DECAY)]
if seen['torch AveragedModel'] != (right, right) or seen['ModelEmaV3'][0] != right:
  raise SystemExit('changed: the averages are not right to begin with')
if any(seen[name][1] != twice for name in list(kinds)[1:4]):
  raise SystemExit('changed: shared tensors are averaged once')
print('as stated: a shared tensor is averaged once for each of its names')
PY
