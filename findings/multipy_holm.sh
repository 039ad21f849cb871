#!/usr/bin/env bash
# MultiPy's Holm procedure rejects less than Bonferroni's, or more than Holm's should; Hochberg's rejects too little.
#
# Sworn: holm_bonferroni() and hochberg() are the procedures of the papers that they cite: the k-th smallest of m
#   p-values is compared with alpha / (m + 1 - k); Holm stops at the first that is above, Hochberg starts at the last
#   that is not. So Holm rejects all that Bonferroni rejects, and Hochberg all that Holm rejects.
# Seen: Holm counts k from 0, so the smallest is compared with alpha / (m + 1): of 0.0048 and nine times 0.5 it rejects
#   none, where Bonferroni rejects one. And both count how many are below their limits, wherever these stand: of 0.02,
#   0.021 and 0.022 Holm rejects the smallest (right: none), and of 0.03, 0.04 and 0.049 Hochberg rejects only the
#   smallest (right: all). Of 10,000 random sets of 5 p-values below 0.1 Holm is wrong in 23 % and Hochberg in 12 %.
# Version: multipy 0.16 with statsmodels 0.15.0, numpy 2.4.6 and scipy 1.17.1, 2026-11-30.
#   Source: multipy/fwer.py, holm_bonferroni() and hochberg(). The module says that its functions "have not been
#   entirely validated yet"; the docstrings name the procedures and make no reservation.
# Matters: these two are what many comparisons of methods report.
# Instead: statsmodels' multipletests(method='holm') and method='simes-hochberg'.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-deps 'multipy==0.16'
"$work/venv/bin/pip" install -q 'numpy==2.4.6' 'scipy==1.17.1' 'statsmodels==0.15.0' 'pandas==3.1.1'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import numpy as np
from multipy.fwer import bonferroni, hochberg, holm_bonferroni
from statsmodels.stats.multitest import multipletests

ALPHA, SETS = 0.05, 10_000


def holm_defined(p):
  rejected = np.zeros(len(p), bool)
  for k, index in enumerate(np.argsort(p), start=1):
    if p[index] > ALPHA / (len(p) + 1 - k):
      break
    rejected[index] = True
  return rejected


def hochberg_defined(p):
  order = np.argsort(p)
  for k in range(len(p), 0, -1):
    if p[order[k - 1]] <= ALPHA / (len(p) + 1 - k):
      return np.isin(np.arange(len(p)), order[:k])
  return np.zeros(len(p), bool)


def checked(defined, method, p):
  """By the definition, which must be what statsmodels gives."""
  right = defined(p)
  assert (right == multipletests(p, ALPHA, method)[0]).all()
  return right


seen = []
for p in ([0.0048] + [0.5] * 9, [0.02, 0.021, 0.022], [0.03, 0.04, 0.049]):
  p = np.array(p)
  counts = [bonferroni(p), holm_bonferroni(p), checked(holm_defined, 'holm', p),
            hochberg(p), checked(hochberg_defined, 'simes-hochberg', p)]
  seen.append([int(rejected.sum()) for rejected in counts])
  print(f'{p}: rejected by Bonferroni {seen[-1][0]}, Holm {seen[-1][1]} (right: {seen[-1][2]}), '
        f'Hochberg {seen[-1][3]} (right: {seen[-1][4]})')
random = np.random.default_rng(0)
wrong = np.zeros(2)
for _ in range(SETS):
  p = 0.1 * random.uniform(size=5) ** 2
  wrong += (holm_bonferroni(p) != holm_defined(p)).any(), (hochberg(p) != hochberg_defined(p)).any()
print('sets in which a decision is wrong: Holm {:.1%}, Hochberg {:.1%}'.format(*wrong / SETS))
if [row[0] for row in seen] != [1, 0, 0]:
  raise SystemExit('changed: Bonferroni rejects something else')
if seen[0][1:3] != [0, 1] or seen[1][1:3] != [1, 0] or seen[2][3:] != [1, 3]:
  raise SystemExit('changed: the procedures are those of the papers')
print('as stated: Holm rejects less than Bonferroni')
PY
