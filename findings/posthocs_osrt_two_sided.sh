#!/usr/bin/env bash
# The one-sided test of scikit-posthocs against an increase finds a decrease, with the same p-value.
#
# Sworn: test_osrt(), "Hayter's one-sided studentised range test", tests "against an ordered alternative": means that
#   rise from group to group. Groups whose means fall speak against that, so p is near 1, as in its test_jonckheere().
# Seen: it takes the absolute value of each difference, so the direction is lost. Three networks with accuracies
#   around 62, 64 and 66 % give p = 1e-5; the same three in the opposite order give p = 1e-5, where 20,000 simulations
#   of the one-sided statistic give p = 1. What is left is Tukey's two-sided test.
# Version: scikit-posthocs 0.17.1 with scipy 1.17.1 and pandas 3.1.1, 2026-11-30.
#   Source: scikit_posthocs/_omnibus.py, test_osrt(), compare(). That p is of Tukey's distribution and not of Hayter's
#   is said in its notes; that the direction does not count is not.
# Matters: "accuracy rises with the batch size" is proved by an accuracy that falls.
# Instead: test_jonckheere(..., alternative='greater'), or the largest signed difference against simulated groups.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'scikit-posthocs==0.17.1' 'numpy==2.4.6' 'pandas==3.1.1' 'scipy==1.17.1' \
  'statsmodels==0.15.0' 'matplotlib==3.11.2' 'seaborn==0.13.2'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import numpy as np
import scikit_posthocs
from scipy.stats import tukey_hsd

SIMULATED = 20_000
random = np.random.default_rng(0)


def statistic(groups):
  """Hayter's: the largest difference of a later mean from an earlier one, in standard errors; groups lie last."""
  means = groups.mean(axis=-1)
  error = np.sqrt(groups.var(axis=-1, ddof=1).mean(axis=-1) / groups.shape[-1])
  k = groups.shape[-2]
  differences = [means[..., j] - means[..., i] for i in range(k) for j in range(i + 1, k)]
  return np.max(differences, axis=0) / error


def defined(groups):
  """p against a rise: how often equal normal groups of the same size reach the statistic."""
  return (statistic(random.normal(size=(SIMULATED, *groups.shape))) >= statistic(groups)).mean()


rising = np.array([[61, 62, 63, 62.5, 61.5], [63, 64, 65, 64.5, 63.5], [65, 66, 67, 66.5, 65.5]])
p = {}
for name, groups in (('rising', rising), ('falling', rising[::-1])):
  jonckheere = scikit_posthocs.test_jonckheere(groups.tolist(), alternative='greater')[0]
  tukey = tukey_hsd(*groups).pvalue.min()
  p[name] = scikit_posthocs.test_osrt(groups.tolist())[0], defined(groups), jonckheere, tukey
  print(f'means {groups.mean(axis=1)}: test_osrt p {p[name][0]:.0e}, by the definition {p[name][1]:.4f}, '
        f'test_jonckheere {p[name][2]:.1e}; Tukey, two-sided {tukey:.0e}')
if p['rising'][1] > 0.001 or p['falling'][1] < 0.9 or p['falling'][2] < 0.99:
  raise SystemExit('changed: tests of direction do not tell the two apart')
if p['rising'][0] != p['falling'][0] or p['falling'][0] > 1e-4 or abs(p['falling'][0] - p['falling'][3]) > 1e-6:
  raise SystemExit('changed: the direction counts')
print('as stated: falling means are as ordered as rising ones')
PY
