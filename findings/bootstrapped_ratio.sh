#!/usr/bin/env bash
# The permutation test of bootstrapped, with its own ratio, finds no decrease, however large.
#
# Sworn: permutation_test(test, control, mean, compare_functions.ratio), one of the four comparisons that its docstring
#   offers, gives the share of shuffles that are at least as far from "no effect" as the data: a ratio of 1/2 is as
#   far as a ratio of 2.
# Seen: it counts the ratios that are >= |r| or <= -|r|, two tails around 0; but without an effect ratios lie around 1.
#   Of two groups of 50, 10 +- 1 and 5 +- 1, difference, percent_change and percent_difference give p = 0; ratio gives
#   p = 1 for the second over the first and p = 0 for the first over the second. Of six values against six, 0.2, 0.5,
#   0.9 and 1.8 lower, p goes up (0.66, 0.87, 0.97, 0.999) where over all 924 shares it goes down (0.67, 0.28, 0.07,
#   0.004). An increase has half its p-value: one tail of the two.
# Version: bootstrapped 0.0.2 with numpy 2.4.6 and scipy 1.17.1, 2026-11-30.
#   Source: bootstrapped/permutation.py, _get_permutation_result().
# Matters: a change that halves the errors, the time or the loss "is not significant" with the surest of p-values; one
#   that raises them passes at twice the level asked for.
# Instead: use compare_functions.percent_change, which is the same comparison around 0, or scipy.stats.permutation_test.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'bootstrapped==0.0.2' 'numpy==2.4.6' 'scipy==1.17.1' 'pandas==3.1.1' \
  'matplotlib==3.11.2'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import itertools

import numpy as np
from bootstrapped import compare_functions, stats_functions
from bootstrapped.permutation import permutation_test

COMPARISONS = ('difference', 'percent_change', 'percent_difference', 'ratio')


def p_value(test, control, comparison):
  np.random.seed(0)
  function = getattr(compare_functions, comparison)
  return permutation_test(test, control, stats_functions.mean, function, num_iterations=2000)


def exact(test, control):
  """Over all ways to share out the values: how many ratios are as far from 1, on the logarithmic scale."""
  values = np.concatenate([test, control])
  ratios = []
  for chosen in itertools.combinations(range(len(values)), len(test)):
    rest = np.delete(values, chosen)
    ratios.append(values[list(chosen)].mean() / rest.mean())
  return np.mean(np.abs(np.log(ratios)) >= abs(np.log(test.mean() / control.mean())) - 1e-12)


random = np.random.default_rng(0)
large, small = random.normal(10, 1, 50), random.normal(5, 1, 50)
p = {}
for comparison in COMPARISONS:
  p[comparison] = p_value(small, large, comparison), p_value(large, small, comparison)
  print(f'{comparison}: p of the smaller against the larger {p[comparison][0]:.3f}, reversed {p[comparison][1]:.3f}')

base = np.array([9.1, 9.4, 9.8, 10.1, 10.5, 11.1])
falling, rising = [], []
for shift in (0.2, 0.5, 0.9, 1.8):
  for results, test in ((falling, base - shift), (rising, base + shift)):
    results.append((exact(test, base), p_value(test, base, 'percent_change'), p_value(test, base, 'ratio')))
    print(f'six values against six, {test[0] - base[0]:+.1f}: p over all 924 shares {results[-1][0]:.3f}, '
          f'by percent_change {results[-1][1]:.3f}, by ratio {results[-1][2]:.3f}')
if any(p[comparison] != (0, 0) for comparison in COMPARISONS[:3]):
  raise SystemExit('changed: the other comparisons do not find it either')
if any(abs(true - other) > 0.05 for true, other, _ in falling + rising):
  raise SystemExit('changed: percent_change is not the exact test')
if p['ratio'] != (1, 0) or falling[-1][2] < 0.95 or not all(0.3 < ratio / true < 0.7 for true, _, ratio in rising):
  raise SystemExit('changed: ratio has two tails')
print('as stated: a ratio below 1 is never significant')
PY
