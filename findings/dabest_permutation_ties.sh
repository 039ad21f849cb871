#!/usr/bin/env bash
# The permutation test of DABEST gives p = 0 for a network against itself, and for any three runs against three.
#
# Sworn: a permutation p-value is the share of shuffles whose difference is at least as large as the one observed, which
#   is one of them. Equal scores have p = 1, and three runs against three have at least 2/20.
# Seen: only larger differences count, so the observed one and all ties with it do not. Two networks with equal scores
#   on all of 12 folds, paired, have p = 0. Three runs that are all below three others have p = 0 (right: 0.1), so of
#   two equal methods 10 % of the experiments with three runs each end with p = 0; every other p-value is too small by
#   as much. ps_adjust=True, which is to prevent p = 0, starts from the same count: 0.0002 for equal scores, and for
#   three runs against three, 1.6e-230.
# Version: dabest 2025.10.20 with numpy 2.1.3, scipy 1.15.3 and pandas 2.2.3, 2026-11-30.
#   Source: dabest/_effsize_objects.py, PermutationTest. That 5,000 random shuffles can give 0 is known (DABEST-python
#   issue 187, answered by ps_adjust); this is no matter of their number.
# Matters: this is the pvalue_permutation in the table of results; three runs of each method are what many papers have.
# Instead: scipy.stats.permutation_test.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'dabest==2025.10.20' 'numpy==2.1.3' 'scipy==1.15.3' 'pandas==2.2.3' 'numba==0.61.2'
cd "$work"
# Numba compiles what is used, not all of it beforehand.
SKIP_NUMBA_COMPILE=1 venv/bin/python -W ignore - <<'PY'
import itertools

import dabest
import numpy as np
import pandas as pd
from dabest import PermutationTest
from scipy.stats import permutation_test

RUNS = np.array([12., 13, 15, 18, 22, 29])  # errors among 1,000, say
FOLDS = np.array([90., 91, 92, 90, 93, 88, 90, 91, 89, 92, 90, 91])


def difference(control, test, axis=-1):
  return np.mean(test, axis=axis) - np.mean(control, axis=axis)


def exact(control, test, kind):
  return permutation_test((control, test), difference, permutation_type=kind, n_resamples=np.inf).pvalue


table = pd.DataFrame({'score': np.tile(FOLDS, 2), 'network': np.repeat(['A', 'B'], 12), 'fold': np.tile(range(12), 2)})
loaded = dabest.load(table, x='network', y='score', idx=('A', 'B'), paired='baseline', id_col='fold', resamples=500)
reported = loaded.mean_diff.results
equal = [float(reported.pvalue_permutation.iloc[0])]
equal += [PermutationTest(FOLDS, FOLDS.copy(), 'mean_diff', is_paired='baseline', ps_adjust=adjust).pvalue
          for adjust in (False, True)]
right = exact(FOLDS, FOLDS, 'samples')
print('equal scores on 12 folds: table of results {:.4f}, PermutationTest {:.4f}, ps_adjust {:.4f}'.format(*equal)
      + f', right {right:.4f}')

pairs = []
for chosen in itertools.combinations(range(6), 3):
  if 0 in chosen:
    control, test = RUNS[list(chosen)], np.delete(RUNS, chosen)
    pairs.append((PermutationTest(control, test, 'mean_diff', permutation_count=2000).pvalue,
                  exact(control, test, 'independent')))
    print(f'{control.astype(int)} against {test.astype(int)}: p = {pairs[-1][0]:.3f}, right {pairs[-1][1]:.3f}')
adjusted = PermutationTest(RUNS[:3], RUNS[3:], 'mean_diff', ps_adjust=True).pvalue
print(f'the first with ps_adjust: {adjusted:.2g}')
pairs = np.array(pairs)
if equal[:2] != [0, 0] or equal[2] > 0.001 or right != 1:
  raise SystemExit('changed: equal scores have another p-value')
if pairs[0, 0] != 0 or abs(pairs[0, 1] - 0.1) > 1e-9 or adjusted > 1e-6:
  raise SystemExit('changed: three against three have another p-value')
if abs(pairs[:, 1] - pairs[:, 0] - 0.1).max() > 0.04:
  raise SystemExit('changed: not all p-values are too small by 0.1')
print('as stated: the observed difference does not count')
PY
