#!/usr/bin/env bash
# The paired bootstrap test of deepsig does not pair.
#
# Sworn: bootstrap_test(a, b), "Implementation of paired bootstrap test", for scores that "have to be of same length",
#   draws pairs: which score of b belongs to which of a counts, as in ttest_rel() and in the library's own
#   permutation_test().
# Seen: it draws from a and from b apart. Of 20 data sets, 50 to 90 % accurate, on each of which A is 0.9 to 1.1 points
#   better, it gives p = 0.4, where pairs that are drawn give 0 and permutation_test() 0.001. Turning the order of b
#   around takes the pairs away and leaves its p at 0.4. Nothing is said.
# Version: deepsig 1.2.8 with numpy 2.4.6 and scipy 1.17.1, 2026-11-30.
#   Source: deepsig/bootstrap.py, bootstrap_test(): two calls of np.random.choice.
# Matters: scores on the same data sets, folds or seeds go up and down together. A method that wins everywhere is said
#   to win by chance; of scores that go against each other, too small a p is given.
# Instead: scipy.stats.bootstrap() or permutation_test() of the differences.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'deepsig==1.2.8' 'numpy==2.4.6' 'scipy==1.17.1' 'pandas==2.3.3'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import numpy as np
from deepsig import bootstrap_test, permutation_test
from scipy.stats import ttest_rel

DRAWS = 1000
second = np.linspace(50, 90, 20)  # from the hardest data set to the easiest
first = second + 1 + 0.1 * np.cos(np.arange(20))


def by_pairs(a, b):
  """The test that the documentation describes: draws pairs, and counts means that reach twice the difference."""
  difference = a - b
  means = [np.random.choice(difference, len(difference)).mean() for _ in range(DRAWS)]
  return np.mean(np.array(means) >= 2 * difference.mean())


def seeded(test, *scores, **options):
  np.random.seed(0)
  return float(test(*scores, **options))


paired = seeded(bootstrap_test, first, second, num_samples=DRAWS)
turned = seeded(bootstrap_test, first, second[::-1].copy(), num_samples=DRAWS)
permuted = seeded(permutation_test, first, second, num_samples=DRAWS)
permuted_turned = seeded(permutation_test, first, second[::-1].copy(), num_samples=DRAWS)
drawn, drawn_turned = seeded(by_pairs, first, second), seeded(by_pairs, first, second[::-1])
student = float(ttest_rel(first, second, alternative='greater').pvalue)
print('A better by', (first - second).min().round(3), 'to', (first - second).max().round(3))
print('p, in the right order and with the order of b turned around:')
print(f'  bootstrap_test:      {paired:.3f} {turned:.3f}')
print(f'  pairs drawn by hand: {drawn:.3f} {drawn_turned:.3f}')
print(f'  permutation_test:    {permuted:.3f} {permuted_turned:.3f}')
print(f'  paired t-test: {student:.0e}')
if drawn != 0 or permuted > 0.002 or student > 1e-20 or permuted_turned < 0.3:
  raise SystemExit('changed: tests that pair do not see the difference, or see it without pairs')
if not (0.35 < paired < 0.45 and 0.35 < turned < 0.45):
  raise SystemExit('changed: the pairs count')
print('as stated: the pairs do not count')
PY
