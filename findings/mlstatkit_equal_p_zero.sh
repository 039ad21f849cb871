#!/usr/bin/env bash
# The DeLong test of MLstatkit gives p = 0 for two networks that rank all examples alike.
#
# Sworn: a two-sided test whose statistic is z = 0 has p = 1: a network does not differ from itself.
# Seen: Delong_test() of scores against the same scores gives z = 0 and p = 0. So it does for scores and their logits,
#   for scores before and after temperature scaling, and for two networks that both are right throughout. Scores that
#   differ by noise of 0.001 have p = 0.3, and Permutation_test() of the same scores against themselves p = 1. Nothing
#   is said; only the last of seven results names the method.
# Version: mlstatkit 0.1.91 with numpy 2.4.6, scipy 1.17.1 and scikit-learn 1.9.1, 2026-11-30.
#   Source: MLstatkit/delong.py: where the variance of the difference is 0 it goes over to a bootstrap, and takes twice
#   the smaller of the shares of differences <= 0 and > 0: of differences that are all 0 none is above 0.
# Matters: a network and its converted, folded, rounded or calibrated copy rank alike. A table of p-values says that
#   they differ, and the smaller p is, the surer; a correction for many tests puts these pairs first.
# Instead: take p = 1 where both areas and all ranks are equal, or use Permutation_test().
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'mlstatkit==0.1.91' 'numpy==2.4.6' 'scipy==1.17.1' 'scikit-learn==1.9.1' 'tqdm==4.70.1'
cd "$work"
venv/bin/python -W ignore - 2>progress <<'PY' || { cat progress; exit 1; }
import numpy as np
from MLstatkit import Delong_test, Permutation_test

random = np.random.default_rng(0)
true = random.integers(0, 2, 200)
logits = random.normal(size=200) + true


def probabilities(temperature):
  return 1 / (1 + np.exp(-logits / temperature))


scores = probabilities(1)
alike = {
  'itself': (scores, scores),
  'its logits': (scores, logits),
  'itself after temperature scaling': (scores, probabilities(2.5)),
  'another network, both right throughout': (0.1 + 0.8 * true, 0.2 + 0.6 * true),
}
results = {}
for name, pair in alike.items():
  results[name] = Delong_test(true, *pair, n_boot=500, random_state=0)
noise = scores + 0.001 * random.normal(size=200)
results['itself with noise'] = Delong_test(true, scores, noise)
permuted = Permutation_test(true, scores, scores, metric_str='roc_auc', n_bootstraps=200)[2]
for name, (z, p, _, _, first, second, info) in results.items():
  print(f'a network against {name}: areas {first:.4f} {second:.4f}, z {z:.2f}, p {p:.2f}, by {info["method"]}')
print(f'a network against itself by Permutation_test: p {permuted:.2f}')
if permuted != 1 or not 0.1 < results['itself with noise'][1] < 0.9:
  raise SystemExit('changed: not even the permutation test, or scores with noise, give a large p')
if any(results[name][:2] != (0, 0) or results[name][4] != results[name][5] for name in alike):
  raise SystemExit('changed: networks that rank alike do not have p = 0')
print('as stated: networks that rank all examples alike have z = 0 and p = 0')
PY
