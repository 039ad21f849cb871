"""Scores of one network or an ensemble, from the predictions of each member.

An ensemble predicts the arithmetic mean of its members' probabilities (section 4.2.3).
Does not know where predictions come from. Imports no JAX.
"""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from bn_repro.report import intervals
from bn_repro.run.summary import TOP

BINS = 15  # of equal width (Guo et al., 2017)
# Rows that are averaged at a time, and members whose every subset is scored.
_ROWS = 4096
MOST_SUBSETS = 8
_LEAST = float(np.finfo(np.float32).tiny)  # of the normal numbers


class Scores(NamedTuple):
  """Of each example that counts.

  Of equally probable classes the first is taken; where a probability is not finite,
  none.
  """

  is_right: Bool[np.ndarray, ' n']  # whether the most probable class is the right one
  is_among_top: Bool[np.ndarray, ' n']  # whether the right one is among the `TOP`
  confidence: Float64[np.ndarray, ' n']  # the probability of the most probable class
  loss: Float64[np.ndarray, ' n']  # the cross-entropy, at most 87.3


def score(members: Sequence[np.ndarray]) -> Scores:
  """Those of the mean of the members' probabilities.

  Each member is the rows of `PredictionFile.read`, all of the same examples.
  """
  blocks = [
    _score_block([rows[start : start + _ROWS] for rows in members])
    for start in range(0, len(members[0]), _ROWS)
  ]
  return Scores(*map(np.concatenate, zip(*blocks)))


def _score_block(members: Sequence[np.ndarray]) -> Scores:
  counts = np.logical_and.reduce([rows['counts'] for rows in members])
  labels = members[0]['labels'][counts]
  mean = np.mean([rows['probabilities'][counts] for rows in members], 0, np.float64)
  is_finite = np.isfinite(mean).all(axis=1)
  best = np.argsort(-mean, axis=1, kind='stable')[:, :TOP]
  is_label = (best == labels[:, None]) & is_finite[:, None]
  of_label = np.take_along_axis(mean, labels[:, None], axis=1)[:, 0]
  # Below this softmax gives 0 in float32, and one example an infinite mean.
  loss = -np.log(np.maximum(of_label, _LEAST))
  return Scores(is_label[:, 0], is_label.any(axis=1), mean.max(axis=1), loss)


def summarize(scores: Scores, num_classes: int) -> dict[str, Any]:
  """Top-1 and, of more than `TOP` classes, top-5 accuracy, loss and calibration."""
  summary = {'examples': len(scores.is_right), 'top_1': _share(scores.is_right)}
  if num_classes > TOP:
    summary['top_5'] = _share(scores.is_among_top)
  summary['cross_entropy'] = float(np.mean(scores.loss))
  return summary | calibration(scores)


def _share(is_right: np.ndarray) -> dict[str, float]:
  """Accuracy from 0 to 1 and its 95 % interval."""
  interval = intervals.of_share(int(is_right.sum()), len(is_right))
  return {'accuracy': interval.mean, 'low': interval.low, 'high': interval.high}


def calibration(scores: Scores) -> dict[str, Any]:
  """Whether predictions are right as often as their probability says.

  The expected calibration error, 0 to 1, is the mean over examples of the difference
  between accuracy and mean confidence of their bin; examples without a finite
  confidence are left out.
  """
  is_known = np.isfinite(scores.confidence)
  confidence, is_right = scores.confidence[is_known], scores.is_right[is_known]
  places = np.ceil(confidence * BINS).astype(int).clip(1, BINS) - 1
  counts = np.bincount(places, minlength=BINS)
  sums = [np.bincount(places, values, BINS) for values in (confidence, is_right)]
  gap = np.abs(sums[1] - sums[0]).sum() / max(1, counts.sum())
  confidence, accuracy = (total / np.maximum(counts, 1) for total in sums)
  return {
    'expected_calibration_error': float(gap),
    'bins': {
      'examples': counts.tolist(),
      'confidence': confidence.tolist(),
      'accuracy': accuracy.tolist(),
    },
  }


def by_number_of_members(members: Sequence[np.ndarray]) -> list[dict[str, float]]:
  """Top-1 accuracy of ensembles of 1, 2, ... of the members.

  For each number the mean, the lowest and the highest over all choices of members;
  nothing for more than `MOST_SUBSETS` members, of which there are too many choices.
  """
  if len(members) > MOST_SUBSETS:
    return []
  return [_of_subsets(members, number) for number in range(1, len(members) + 1)]


def _of_subsets(members: Sequence[np.ndarray], number: int) -> dict[str, float]:
  subsets = itertools.combinations(members, number)
  accuracies = [float(np.mean(score(subset).is_right)) for subset in subsets]
  return {
    'members': number,
    'choices': len(accuracies),
    'top_1': sum(accuracies) / len(accuracies),
    'lowest': min(accuracies),
    'highest': max(accuracies),
  }
