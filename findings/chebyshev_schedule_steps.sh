#!/usr/bin/env bash
# The Chebyshev schedule of pytorch-optimizer takes its longest step three times and leaves the last two out.
#
# Sworn: a fractal Chebyshev schedule of n epochs (Agarwal, Goel and Zhang, 2021) takes each of the n steps
#   1 / (c - r cos((i + 1/2) pi / n)) once, in an order that keeps it stable. Gradient descent on a quadratic whose
#   curvatures lie between m and M then leaves at most 1 / T_n((M + m) / (M - m)) of the error.
# Seen: epochs 0, 1 and 2 all get the first and longest step, and the last two steps of the order never come. With
#   get_chebyshev_schedule(), rate 1 and curvatures between the defaults 0.05 and 1, 8 epochs should leave 5.3 % of the
#   error, and make it 64 times as large; 32 epochs leave 7,000 times as much as they should. For 9 or 10 epochs
#   get_chebyshev_perm_steps() returns 8 steps, for 2 or 3 a single one.
# Version: pytorch-optimizer 4.1.0 with torch 2.13.0 and numpy 2.4.6, 2026-12-01.
#   Source: pytorch_optimizer/lr_scheduler/chebyshev.py, get_chebyshev_lr_lambda(): the index is the epoch less 2, at
#   least 0; and get_chebyshev_perm_steps(), which makes the order for two epochs too few.
# Matters: the long steps are only safe since the short ones that belong to them follow. As it is, training is thrown
#   away from the minimum at its beginning and does not come back, and the schedule gets the blame.
# Instead: a LambdaLR of the steps oneself: the formula above in the order that begins 0, n - 1, n/2 - 1, n/2.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6'
"$work/venv/bin/pip" install -q --no-deps 'pytorch-optimizer==4.1.0'
"$work/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import torch
from pytorch_optimizer.lr_scheduler import get_chebyshev_perm_steps, get_chebyshev_schedule

torch.set_num_threads(1)
LOW, HIGH = 0.05, 1.0
CURVATURES = np.linspace(LOW, HIGH, 2001)


def in_order(number):
  """Returns the Chebyshev steps of a power of two in the fractal order of the paper."""
  order = [0]
  while len(order) < number:
    order = [index for first in order for index in (first, 2 * len(order) - 1 - first)]
  angles = (np.array(order) + 0.5) * np.pi / number
  return 1 / ((HIGH + LOW) / 2 - (HIGH - LOW) / 2 * np.cos(angles))


def of_library(number):
  """Trains a quadratic with the schedule; returns the rates and the part of the error that each curvature leaves."""
  weights = torch.ones(len(CURVATURES), dtype=torch.float64, requires_grad=True)
  optimizer = torch.optim.SGD([weights], lr=1.0)
  schedule = get_chebyshev_schedule(optimizer, num_epochs=number)
  rates = []
  for _ in range(number):
    rates.append(optimizer.param_groups[0]['lr'])
    optimizer.zero_grad()
    (0.5 * torch.from_numpy(CURVATURES) * weights ** 2).sum().backward()
    optimizer.step()
    schedule.step()
  return np.array(rates), weights.detach().numpy()


wrong, results = [], {}
for number in (8, 16, 32):
  steps = in_order(number)
  left = np.abs(np.prod(1 - np.outer(steps, CURVATURES), axis=0)).max()
  bound = 1 / np.cosh(number * np.arccosh((HIGH + LOW) / (HIGH - LOW)))
  rates, weights = of_library(number)
  results[number] = steps, rates
  if number == 8:
    print('steps of 8 epochs:       ', steps.round(2))
    print('rates of the schedule:   ', rates.round(2))
  print(f'{number} epochs: error left at most {bound:.2g} by the theorem, {left:.2g} by the steps in order,'
        f' {np.abs(weights).max():.2g} with the schedule')
  if abs(left / bound - 1) > 1e-6:
    raise SystemExit('changed: the reference does not keep to the theorem')
  wrong.append(np.abs(weights).max() / bound)
counts = {number: len(get_chebyshev_perm_steps(number)) for number in (2, 3, 6, 8, 9, 10, 16, 18)}
print('steps that get_chebyshev_perm_steps() returns for a number of epochs:', counts)
for steps, rates in results.values():
  if not np.allclose(rates[:3], steps[0]) or not np.allclose(rates[2:], steps[:-2]):
    raise SystemExit('changed: the rates are not the first step three times and the others up to the last but two')
if min(wrong) < 10:
  raise SystemExit('changed: the schedule keeps to the theorem')
print('as stated: the longest step comes three times, and the last two are left out')
PY
