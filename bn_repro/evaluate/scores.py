"""Scores of one network or an ensemble, from what each member answered.

An ensemble answers with the arithmetic mean of its members' probabilities (section
4.2.3). Does not know where answers come from. Imports no JAX.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from bn_repro.report import intervals
from bn_repro.run.summary import TOP

BINS = 15  # of equal width (Guo et al., 2017)
# Rows that are averaged at a time, and members whose every subset is scored.
_ROWS = 4096
MOST_SUBSETS = 8


class Judged(NamedTuple):
  """How good the answers to `n` examples are, those that do not count left out.

  Attributes:
    is_right: `[n]` bool, whether the most probable class is the right one. Of equally
      probable ones the first is taken; where a probability is not finite, none.
    is_among_top: `[n]` bool, whether the right one is among the `TOP`.
    confidence: `[n]` float64, the probability of the most probable class.
    loss: `[n]` float64, the cross-entropy.
  """

  is_right: np.ndarray
  is_among_top: np.ndarray
  confidence: np.ndarray
  loss: np.ndarray


def judge(members: Sequence[np.ndarray]) -> Judged:
  """Judges the mean of the members' probabilities.

  Args:
    members: rows of each, as `AnswerFile.read` returns them, of the same examples.
  """
  blocks = [
    _judge_block([rows[start : start + _ROWS] for rows in members])
    for start in range(0, len(members[0]), _ROWS)
  ]
  return Judged(*map(np.concatenate, zip(*blocks)))


def _judge_block(members: Sequence[np.ndarray]) -> Judged:
  counts = np.logical_and.reduce([rows['counts'] for rows in members])
  labels = members[0]['labels'][counts]
  mean = np.mean([rows['probabilities'][counts] for rows in members], 0, np.float64)
  is_finite = np.isfinite(mean).all(axis=1)
  best = np.argsort(-mean, axis=1, kind='stable')[:, :TOP]
  is_label = (best == labels[:, None]) & is_finite[:, None]
  of_label = np.take_along_axis(mean, labels[:, None], axis=1)[:, 0]
  with np.errstate(divide='ignore'):
    loss = -np.log(of_label)
  return Judged(is_label[:, 0], is_label.any(axis=1), mean.max(axis=1), loss)


def score(judged: Judged, num_classes: int) -> dict[str, Any]:
  """Top-1 and, of more than `TOP` classes, top-5 accuracy, loss and calibration."""
  found = {'examples': len(judged.is_right), 'top_1': _share(judged.is_right)}
  if num_classes > TOP:
    found['top_5'] = _share(judged.is_among_top)
  found['cross_entropy'] = float(np.mean(judged.loss))
  return found | calibration(judged)


def _share(is_right: np.ndarray) -> dict[str, float]:
  """Accuracy from 0 to 1 and its 95 % interval."""
  interval = intervals.of_share(int(is_right.sum()), len(is_right))
  return {'accuracy': interval.mean, 'low': interval.low, 'high': interval.high}


def calibration(judged: Judged) -> dict[str, Any]:
  """Whether answers are right as often as their probability says.

  Returns:
    The expected calibration error, 0 to 1: the mean, over examples, of how far
    accuracy and mean confidence of their bin are apart; and for each bin of
    confidence how many examples it has, their mean confidence and their accuracy.
  """
  places = np.ceil(judged.confidence * BINS).astype(int).clip(1, BINS) - 1
  counts = np.bincount(places, minlength=BINS)
  sums = [
    np.bincount(places, values, BINS) for values in (judged.confidence, judged.is_right)
  ]
  gap = np.abs(sums[1] - sums[0]).sum() / counts.sum()
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

  Returns:
    For each number the mean, the lowest and the highest over all choices of so many;
    nothing of more than `MOST_SUBSETS` members, which are too many choices.
  """
  if len(members) > MOST_SUBSETS:
    return []
  return [
    {'members': number, **_spread(list(_accuracies(members, number)))}
    for number in range(1, len(members) + 1)
  ]


def _accuracies(members: Sequence[np.ndarray], number: int) -> Iterator[float]:
  for chosen in itertools.combinations(members, number):
    yield float(np.mean(judge(chosen).is_right))


def _spread(values: list[float]) -> dict[str, float]:
  return {
    'choices': len(values),
    'top_1': sum(values) / len(values),
    'lowest': min(values),
    'highest': max(values),
  }
