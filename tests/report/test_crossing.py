"""When a curve first reaches a target, between evaluations that are averaged."""

import numpy as np
import pytest

from bn_repro.report.crossing import Crossing, crossing_of, smoothed
from bn_repro.run.errors import UserError


def test_a_crossing_is_interpolated_in_log_steps():
  steps = np.array([1_000.0, 4_000.0, 16_000.0, 64_000.0])
  accuracy = np.array([0.2, 0.4, 0.8, 0.8])
  interpolated = crossing_of(steps, accuracy, 0.6)
  assert interpolated == Crossing(pytest.approx(8_000), False)
  assert crossing_of(steps, accuracy, 0.81) == Crossing(16_000.0, True)


def test_a_lucky_evaluation_is_averaged_with_its_neighbours():
  steps = np.arange(10_000.0, 20_000, 500)
  accuracy = np.full(len(steps), 0.5)
  accuracy[8] = 0.9
  _, curve = smoothed(steps, accuracy)
  neighbours = np.abs(steps - steps[8]) <= 0.1 * steps[8]
  assert curve[8] == pytest.approx(
    (0.9 + 0.5 * (neighbours.sum() - 1)) / neighbours.sum()
  )
  assert (np.diff(curve) >= 0).all()


@pytest.mark.parametrize('steps', [[0, 10, 10], [0, 20, 10]])
def test_a_curve_with_repeated_or_falling_steps_is_refused(steps):
  with pytest.raises(UserError, match='step 10 follows step'):
    crossing_of(np.array(steps, float), np.array([0.1, 0.2, 0.3]), 0.2)


@pytest.mark.parametrize('target', [0.0, -0.1, 1.5, 0.05])
def test_a_target_that_says_nothing_is_refused(target):
  with pytest.raises(UserError, match='target'):
    crossing_of(np.array([0.0, 1e4, 2e4]), np.array([0.1, 0.8, 0.8]), target)
