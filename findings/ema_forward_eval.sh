#!/usr/bin/env bash
# ema-pytorch: EMA.forward_eval() evaluates in training mode, and moves the averaged model's BatchNorm statistics.
#
# Sworn: forward_eval() runs the averaged model "with no grad + eval", as its comment says: BatchNorm uses the averaged
#   statistics, dropout is off, the same input gives the same output, and the model is the same afterwards.
# Seen: it notes the mode, runs the model and sets the mode again; eval() is never called. The copy of a model in
#   training is in training mode, so an example is normalized with the batch that it comes in, dropout is on, and every
#   validation batch goes into the averaged running statistics with BatchNorm's own momentum. After one look at other
#   data (a test set of other images, say) the averaged model is another one. Nothing is said.
# Version: ema-pytorch 0.8.3, torch 2.13.0 (the CPU build is enough), 2026-11-30.
#   Source: ema_pytorch/ema_pytorch.py, EMA.forward_eval(). Asked about in issue 38 of lucidrains/ema-pytorch.
# Matters: validation leaks into the weights that are kept, and its numbers depend on the size and order of batches.
# Instead: ema.eval() once, which sets the averaged model's mode alone, and then ema(inputs) under no_grad().
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'ema-pytorch==0.8.3' 'numpy==2.4.6'
"$work/venv/bin/python" -W ignore - <<'PY'
import torch
from ema_pytorch import EMA
from torch import nn

torch.set_num_threads(1)


def data(size, shift=0.0):
  """Gives two classes; the shift is that of a camera with other colours, the same for both."""
  labels = torch.randint(2, (size,))
  return torch.randn(size, 8) + (2 * labels[:, None] - 1) + shift, labels


def trained():
  torch.manual_seed(0)
  net = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))
  optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
  ema = EMA(net, beta=0.99, update_after_step=0, update_every=1)
  for _ in range(200):
    inputs, labels = data(64)
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(inputs), labels).backward()
    optimizer.step()
    ema.update()
  return ema


def accuracy(outputs, labels):
  return round(float((outputs.argmax(1) == labels).float().mean()), 4)


@torch.no_grad()
def evaluated(ema, inputs):
  ema.eval()
  outputs = ema(inputs)
  ema.ema_model.train()
  return outputs


ema = trained()
inputs, labels = data(512)
one_class = inputs[labels == 0][:64]
before = ema.ema_model[1].running_mean.clone()
right = evaluated(ema, inputs)
print('eval(), all at once:', accuracy(right, labels), 'one class:', accuracy(evaluated(ema, one_class), 0))
untouched = bool((ema.ema_model[1].running_mean == before).all())

whole = ema.forward_eval(inputs)
alone = accuracy(ema.forward_eval(one_class), 0)
print('forward_eval(), all at once:', accuracy(whole, labels), 'one class:', alone)
moved = float((ema.ema_model[1].running_mean - before).abs().max())
print('running means moved by at most', round(moved, 3), 'of', round(float(before.abs().max()), 3))

ema = trained()
for _ in range(20):
  ema.forward_eval(data(64, shift=6.0)[0])
spoilt = accuracy(evaluated(ema, inputs), labels)
print('eval() after 20 batches of other data through forward_eval():', spoilt)
if not untouched or accuracy(right, labels) < 0.95:
  raise SystemExit('changed: the averaged model is not good to begin with')
if moved < 0.05 or alone > 0.9 or spoilt > 0.9:
  raise SystemExit('changed: forward_eval() evaluates')
print('as stated: an evaluation that trains the statistics')
PY
