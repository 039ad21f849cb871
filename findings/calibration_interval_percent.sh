#!/usr/bin/env bash
# The intervals of uncertainty-calibration take alpha = 0.1 for 0.1 per cent: the least and the greatest of 100 draws.
#
# Sworn: get_calibration_error_uncertainties(probs, labels, alpha=0.1) gives the bounds of the 90 % interval by the
#   bootstrap: "1-alpha confidence intervals", as the docstring says, and 0.1 is the default.
# Seen: alpha goes to np.percentile() as it is, so the bounds are at 0.05 and 99.95 per cent of 100 draws: between the
#   two outermost draws at either end. Asked for 50, 90 and 99 % it gives 0.051, 0.047 and 0.046 to 0.125, from the
#   same draws; 50 % is 0.086 to 0.104 and 90 % is 0.073 to 0.117. alpha=10 gives the 90 % interval.
# Version: uncertainty-calibration 0.1.4 with numpy 2.4.6 and scikit-learn 1.9.1, 2026-11-30.
#   Source: calibration/utils.py, bootstrap_uncertainty(), whose own default is alpha=10.0.
# Matters: the README shows this call with its default. Methods whose calibration differs look alike, and the width goes
#   by the two most extreme draws, so it changes from run to run.
# Instead: pass 100 times alpha.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'uncertainty-calibration==0.1.4' 'numpy==2.4.6' 'scikit-learn==1.9.1' 'scipy==1.17.1'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import calibration
import numpy as np

DRAWS = 100  # as many as the library takes
random = np.random.default_rng(0)
probabilities = random.choice(np.arange(0.525, 1, 0.05), size=1000)
labels = (random.uniform(size=1000) < probabilities - 0.1).astype(int)


def error(probabilities, labels):
  """Root mean squared calibration error over the values that the probabilities take, by the definition."""
  total = 0
  for value in np.unique(probabilities):
    chosen = labels[probabilities == value]
    total += len(chosen) * (chosen.mean() - value) ** 2
  return np.sqrt(total / len(labels))


def by_hand(alpha):
  """The library's reflected bootstrap interval, from the same draws, at the level that its docstring names."""
  np.random.seed(0)
  drawn = [np.random.choice(list(range(1000)), size=1000, replace=True) for _ in range(DRAWS)]
  errors = [error(probabilities[rows], labels[rows]) for rows in drawn]
  upper, lower = np.quantile(errors, [1 - alpha / 2, alpha / 2])
  value = error(probabilities, labels)
  return 2 * value - upper, 2 * value - lower, 2 * value - max(errors), 2 * value - min(errors)


def by_library(alpha):
  np.random.seed(0)
  lower, _, upper = calibration.get_calibration_error_uncertainties(probabilities, labels, alpha=alpha)
  return lower, upper


width, true, extremes = {}, {}, by_hand(0.1)[2:]
for alpha in (0.5, 0.1, 0.01):
  lower, upper = by_library(alpha)
  bounds = by_hand(alpha)[:2]
  width[alpha], true[alpha] = upper - lower, bounds[1] - bounds[0]
  print(f'{1 - alpha:.0%} interval: {lower:.4f} to {upper:.4f}; by hand {bounds[0]:.4f} to {bounds[1]:.4f}')
percent = by_library(10)
print(f'from the greatest and the least draw: {extremes[0]:.4f} to {extremes[1]:.4f}')
print(f'alpha=10: {percent[0]:.4f} to {percent[1]:.4f}')
print('too wide:', {f'{1 - alpha:.0%}': round(float(width[alpha] / true[alpha]), 2) for alpha in width})
if not np.allclose(percent, by_hand(0.1)[:2]):
  raise SystemExit('changed: alpha=10 is not the 90 % interval by hand')
if width[0.5] < 3 * true[0.5] or width[0.1] < 1.4 * true[0.1] or width[0.5] / width[0.01] < 0.9:
  raise SystemExit('changed: the level asked for counts')
print('as stated: 50, 90 and 99 % are the same interval')
PY
