#!/usr/bin/env bash
# Permetrics takes labels that stand in a column, shape (n, 1), for one-hot rows: all of them are class 0.
#
# Sworn: y_true and y_pred of shape (n, 1) mean what they mean as shape (n,); another shape is refused.
# Seen: a 2-D array is replaced by the index of the largest number in each row, and in a row of one number that is 0.
#   Labels and predictions of ten classes that agree in 39 % of 1,000 images have an accuracy of 100 % and a macro F1 of
#   1 as columns; the confusion matrix is 1 x 1. The outputs of a sigmoid as a column, against flat labels, are all
#   class 0: precision, recall and F1 are 0, and the accuracy is the share of class 0. Nothing is said, not even as a
#   warning. RegressionMetric of the same package takes a column as flat.
# Version: permetrics 2.1.0 with numpy 2.4.6 and scipy 1.17.1, 2026-11-30.
#   Source: permetrics/utils/data_util.py, _clean_class_array(): argmax(axis=1) of whatever is 2-D; what stands there
#   commented out, the former code, squeezed first.
# Matters: Keras' CIFAR-10 and CIFAR-100 give labels of shape (10000, 1), and a network with one output gives (n, 1).
# Instead: ravel() of both.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'permetrics==2.1.0' 'numpy==2.4.6' 'scipy==1.17.1'
cd "$work"
venv/bin/python -W error - <<'PY'
import numpy as np
from permetrics import ClassificationMetric, RegressionMetric

random = np.random.default_rng(0)
true = random.integers(0, 10, 1000)
predicted = np.where(random.random(1000) < 0.3, true, random.integers(0, 10, 1000))
positive = (true > 6).astype(int)
sigmoid = np.clip(0.3 * positive + 0.7 * random.random(1000), 0, 1)


def column(values):
  return values.reshape(-1, 1)


def measure(name, labels, outputs, average):
  """Accuracy, F1 and Matthews' coefficient, and the size of the confusion matrix."""
  metric = ClassificationMetric(labels, outputs)
  numbers = metric.AS(), metric.F1S(average=average), metric.MCC(average=average), metric.CM()[0].shape
  print('{}: accuracy {:.3f}, F1 {:.3f}, MCC {:.3f}, confusion matrix {}'.format(name, *numbers))
  return numbers


flat = measure('ten classes, flat', true, predicted, 'macro')
columns = measure('ten classes, columns', column(true), column(predicted), 'macro')
binary = measure('sigmoid, flat', positive, sigmoid, 'binary')
mixed = measure('sigmoid as a column, labels flat', positive, column(sigmoid), 'binary')
both = measure('sigmoid and labels as columns', column(positive), column(sigmoid), 'macro')
errors = [RegressionMetric(shape(true), shape(predicted)).MSE() for shape in (np.ravel, column)]
print(f'mean squared error of RegressionMetric: flat {errors[0]:.3f}, columns {errors[1]:.3f}')
one_hot = ClassificationMetric(np.eye(10)[true], np.eye(10)[predicted]).AS()
right = np.mean(true == predicted), np.mean(positive == np.round(sigmoid))
if not np.allclose([flat[0], one_hot, binary[0]], [right[0], right[0], right[1]]) or errors[0] != errors[1]:
  raise SystemExit('changed: not even flat labels, one-hot rows or RegressionMetric are right')
if columns != (1, 1, 0, (1, 1)) or both != (1, 1, 0, (1, 1)):
  raise SystemExit('changed: labels and predictions as columns are not all class 0')
if mixed[0] != np.mean(positive == 0) or mixed[1] != 0:
  raise SystemExit('changed: outputs of a sigmoid as a column are not all class 0')
print('as stated: labels in a column are all class 0')
PY
