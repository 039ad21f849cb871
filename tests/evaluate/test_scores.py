"""Scores of probabilities that were written by hand, and against other formulas."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bn_repro.evaluate import scores

SEEDS = st.integers(0, 2**32 - 1)


def rows(probabilities, labels, counts=None):
  """As an answer file holds them."""
  probabilities = np.asarray(probabilities, np.float32)
  number, classes = probabilities.shape
  found = np.zeros(
    number,
    [('labels', '<i4'), ('counts', '?'), ('crops', '<i4'),
     ('probabilities', '<f4', (classes,))],
  )  # fmt: skip
  found['probabilities'], found['labels'] = probabilities, labels
  found['counts'] = True if counts is None else counts
  return found


def random_rows(seed, number=50, classes=10, labels=None):
  generator = np.random.default_rng(seed)
  probabilities = generator.dirichlet(np.full(classes, 0.3), number)
  if labels is None:
    labels = generator.integers(0, classes, number)
  return rows(probabilities, labels)


def test_one_network():
  found = scores.score([rows([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]], [0, 1])])
  assert found.is_right.tolist() == [True, False]
  np.testing.assert_allclose(found.confidence, [0.5, 0.8], rtol=1e-6)
  np.testing.assert_allclose(found.loss, -np.log([0.5, 0.1]), rtol=1e-6)


def test_an_ensemble_averages_probabilities():
  """0.6 and 0.1 against 0.4 and 0.9: the surer member decides."""
  members = [rows([[0.6, 0.4]], [1]), rows([[0.1, 0.9]], [1])]
  found = scores.score(members)
  assert found.is_right.all()
  np.testing.assert_allclose(found.confidence, [0.65], rtol=1e-6)


@given(SEEDS, st.integers(1, 4))
def test_the_mean_is_arithmetic_and_knows_no_order(seed, number):
  first = random_rows(seed)
  members = [random_rows(seed + i, labels=first['labels']) for i in range(number)]
  mean = np.mean([m['probabilities'].astype(np.float64) for m in members], axis=0)
  expected = np.argmax(mean, axis=1) == first['labels']
  for order in (members, members[::-1]):
    np.testing.assert_array_equal(scores.score(order).is_right, expected)


@given(SEEDS)
def test_top_5_by_rank(seed):
  """The right class is among the five if fewer than five are more probable."""
  answers = random_rows(seed, classes=12)
  p, labels = answers['probabilities'], answers['labels']
  more_probable = (p > p[np.arange(len(p)), labels][:, None]).sum(axis=1)
  found = scores.score([answers])
  np.testing.assert_array_equal(found.is_among_top, more_probable < 5)
  np.testing.assert_array_equal(found.is_right, more_probable < 1)


def test_examples_are_judged_alike_in_any_block(monkeypatch):
  answers = random_rows(3, number=23)
  whole = scores.score([answers])
  monkeypatch.setattr(scores, '_ROWS', 5)
  for left, right in zip(scores.score([answers]), whole):
    np.testing.assert_array_equal(left, right)


def test_what_does_not_count_is_left_out():
  """In one member it is left out of all."""
  answers = [[0.9, 0.1]] * 4
  members = [rows(answers, [0, 1, 0, 1], counts) for counts in ([1, 0, 1, 1], [1] * 4)]
  assert scores.score(members).is_right.tolist() == [True, True, False]


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_what_is_not_finite_is_wrong(value):
  found = scores.score([rows([[value, 0.0], [0.7, 0.3]], [0, 0])])
  assert found.is_right.tolist() == [False, True]
  assert found.is_among_top.tolist() == [False, True]


def test_a_probability_of_0_does_not_make_the_mean_loss_infinite():
  """float32 holds none between 0 and 1.2e-38, whose cross-entropy is 87.3."""
  loss = scores.score([rows([[1.0, 0.0], [0.5, 0.5]], [1, 0])]).loss
  np.testing.assert_allclose(loss, [87.336545, np.log(2)])


def test_ten_classes_have_top_5_and_five_have_not():
  assert 'top_5' in scores.summarize(scores.score([random_rows(0)]), 10)
  few = random_rows(0, classes=5)
  assert 'top_5' not in scores.summarize(scores.score([few]), 5)


def test_wilsons_interval():
  """81 of 100, by Wilson's formula with z = 1.96."""
  right = np.arange(100) < 81
  found = scores.summarize(
    scores.Scores(right, right, right * 0.5 + 0.1, right * 0.1), 10
  )
  p, n, z = 0.81, 100, 1.959964
  centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
  half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
  expected = {'accuracy': p, 'low': centre - half, 'high': centre + half}
  assert found['top_1'] == pytest.approx(expected)
  assert found['examples'] == 100


def judged(confidence, is_right):
  confidence, is_right = np.asarray(confidence), np.asarray(is_right, bool)
  return scores.Scores(is_right, is_right, confidence, confidence)


def test_calibration_by_hand():
  """Two of 0.9, one right, and two of 0.3, none right: (2*0.4 + 2*0.3) / 4."""
  found = scores.calibration(judged([0.9, 0.9, 0.3, 0.3], [1, 0, 0, 0]))
  assert found['expected_calibration_error'] == pytest.approx(0.35)
  bins = found['bins']
  assert bins['examples'][4] == bins['examples'][13] == 2  # to 5/15 and to 14/15
  assert bins['accuracy'][13] == 0.5 and bins['accuracy'][4] == 0
  assert bins['confidence'][13] == pytest.approx(0.9)


def test_a_confidence_that_is_no_number_is_left_out_of_the_calibration():
  found = scores.calibration(judged([0.9, np.nan, 0.9], [1, 0, 0]))
  assert found['expected_calibration_error'] == pytest.approx(0.4)
  assert sum(found['bins']['examples']) == 2
  assert scores.calibration(judged([np.nan], [0]))['expected_calibration_error'] == 0


@given(SEEDS)
def test_calibration_counts_everyone_and_is_a_mean_of_gaps(seed):
  generator = np.random.default_rng(seed)
  confidence, is_right = generator.random(60), generator.random(60) < 0.5
  found = scores.calibration(judged(confidence, is_right))
  bins = {name: np.asarray(values) for name, values in found['bins'].items()}
  assert bins['examples'].sum() == 60
  gap = (bins['examples'] * abs(bins['accuracy'] - bins['confidence'])).sum() / 60
  assert found['expected_calibration_error'] == pytest.approx(gap)


@pytest.mark.parametrize('confidence', [0.0, 1 / 15, 1.0, 1.0 + 1e-7])
def test_the_edges_of_bins(confidence):
  assert sum(scores.calibration(judged([confidence], [1]))['bins']['examples']) == 1


def test_every_choice_of_members():
  first = random_rows(1)
  members = [random_rows(i, labels=first['labels']) for i in range(4)]
  found = scores.by_number_of_members(members)
  assert [line['choices'] for line in found] == [4, 6, 4, 1]
  pairs = [
    scores.score(pair).is_right.mean() for pair in itertools.combinations(members, 2)
  ]
  assert found[1]['top_1'] == pytest.approx(np.mean(pairs))
  assert (found[1]['lowest'], found[1]['highest']) == (min(pairs), max(pairs))
  assert found[3]['top_1'] == scores.score(members).is_right.mean()


def test_too_many_members_have_too_many_choices():
  assert scores.by_number_of_members([random_rows(0)] * 9) == []
