#!/usr/bin/env bash
# The macro averages of confidenceinterval get intervals that are not 95 % intervals: far too narrow, or too wide.
#
# Sworn: recall_score(true, predicted, average='macro') gives the mean recall over classes and its 95 % interval by the
#   delta method; of many test sets drawn anew, some 95 in 100 give an interval around the true mean recall.
# Seen: with 10 classes of 100 images and a true recall of 25 % in each class, 45 of 100 intervals hold it; they are a
#   third as wide as they have to be. At 50 % they are two thirds as wide, at 90 % a fifth too wide. Precision is as
#   recall is. The interval of macro F1 is a fifth too narrow at 10 classes, four times at 100, and 12 times at 1,000 of
#   5 images each. The micro average, the library's own bootstrap and a formula by hand are right. Nothing is said.
# Version: confidenceinterval 1.0.5 with numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, statsmodels 0.15.0 and pandas
#   3.1.1, 2026-11-30. Source: confidenceinterval/takahashi_methods.py. In recall_score_takahashi() and
#   precision_score_takahashi() the derivative by a share on the diagonal is not divided by the share of its class, and
#   p * p.transpose() of a flat vector is not its outer product; macro_f1_score_takahashi() puts counts where shares
#   belong. The README calls it "the only package with analytical computation" of these.
# Matters: recall averaged over classes is what one gives for a test set of many classes. Two networks whose intervals
#   do not meet are said to differ where they are as good as each other.
# Instead: method='bootstrap_percentile'; for recall, the sum of r (1 - r) / n over classes, divided by their number
#   squared.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'confidenceinterval==1.0.5' 'numpy==2.4.6' 'scipy==1.17.1' 'scikit-learn==1.9.1' \
  'statsmodels==0.15.0' 'pandas==3.1.1'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import numpy as np
from confidenceinterval import f1_score, precision_score, recall_score

Z = 1.96  # half of a 95 % interval, in standard deviations


def test_set(random, classes, images, accuracy):
  """Draws predictions that are right with this probability in each class, and any other class otherwise."""
  true = np.repeat(np.arange(classes), images)
  wrong = (true + random.integers(1, classes, len(true))) % classes
  return true, np.where(random.random(len(true)) < accuracy, true, wrong)


def by_hand(true, predicted):
  """Mean recall and its interval from the binomial variance of each class."""
  recalls = [np.mean(predicted[true == label] == label) for label in np.unique(true)]
  variances = [r * (1 - r) / np.sum(true == label) for label, r in zip(np.unique(true), recalls)]
  mean, spread = np.mean(recalls), np.sqrt(sum(variances)) / len(recalls)
  return mean, (mean - Z * spread, mean + Z * spread)


def macro(score, **options):
  return lambda *labels: score(*labels, average='macro', **options)


def judge(name, score, sets, classes, images, accuracy):
  """How many intervals hold the truth, and how wide they are by the width that they have to have.

  All classes are alike, so all these scores spread as the share of right predictions does.
  """
  random = np.random.default_rng(0)
  intervals = [score(*test_set(random, classes, images, accuracy))[1] for _ in range(sets)]
  covered = np.mean([low <= accuracy <= high for low, high in intervals])
  spread = np.sqrt(accuracy * (1 - accuracy) / (classes * images))
  width = np.mean([high - low for low, high in intervals]) / (2 * Z * spread)
  print(f'{name}, {classes} classes of {images}, {accuracy:.0%}:',
        f'{covered:.0%} of {sets} intervals hold the truth, {width:.2f} times the width')
  return covered, width


recall, precision, f1 = macro(recall_score), macro(precision_score), macro(f1_score)
narrow, middle, wide = [judge('macro recall', recall, 100, 10, 100, accuracy) for accuracy in (0.25, 0.5, 0.9)]
same = judge('macro precision', precision, 100, 10, 100, 0.25)
few, many, most = [judge('macro F1', f1, *sizes, 0.7) for sizes in ((50, 10, 100), (20, 100, 50), (1, 1000, 5))]
micro = judge('micro recall', lambda *labels: recall_score(*labels, average='micro'), 100, 10, 100, 0.25)
hand = judge('macro recall by hand', by_hand, 100, 10, 100, 0.25)
bootstrap = macro(recall_score, method='bootstrap_percentile', n_resamples=200, random_state=0)
drawn = judge('macro recall by bootstrap', bootstrap, 10, 10, 100, 0.25)
if min(micro[0], hand[0], drawn[0]) < 0.8 or not all(0.9 < each[1] < 1.1 for each in (micro, hand, drawn)):
  raise SystemExit('changed: not even the intervals by hand, by bootstrap and of the micro average are right')
if not (max(narrow[0], same[0]) < 0.5 and max(narrow[1], same[1]) < 0.4 and 0.6 < middle[1] < 0.75 and wide[1] > 1.15):
  raise SystemExit('changed: the intervals of macro recall or precision are others')
if not (0.7 < few[1] < 1.3 and many[1] < 0.3 and most[1] < 0.1):
  raise SystemExit('changed: the intervals of macro F1 are others')
print('as stated: the intervals of macro averages are not 95 % intervals')
PY
