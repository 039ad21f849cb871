"""The speed-up between annealed runs of several lengths is the one put in."""

import numpy as np
import pytest

from bn_repro.report.ladder import ratio_of_lengths


@pytest.mark.slow
@pytest.mark.parametrize(
  'bend, least', [(0.0, 0.92), (0.008, 0.85)], ids=['straight', 'flattening']
)
def test_the_interval_of_the_ladder_covers_the_speed_up(bend, least):
  """Four points a doubling; the network is 5 times as fast; spread 0.3 points.

  A curve that flattens lies above the line between two lengths, so that the speed-up
  comes out a little too small.
  """
  rng = np.random.default_rng(3)

  def accuracy(steps, ratio):
    doublings = np.log2(steps * ratio / 24_000)
    return 0.6 + 0.04 * doublings - bend * doublings**2

  runs = lambda steps, ratio: accuracy(steps, ratio) + 0.003 * rng.standard_normal(4)
  covered, ratios = [], []
  for _ in range(1000):
    ladder = {steps: runs(steps, 5.0) for steps in (3_000, 6_000, 12_000, 24_000)}
    effect = ratio_of_lengths(runs(24_000, 1.0), ladder, 24_000)
    covered.append(effect.low <= 5 <= effect.high)
    ratios.append(effect.value)
  assert np.median(ratios) == pytest.approx(5, rel=0.03)
  assert least <= np.mean(covered) <= 0.98


def test_a_ladder_that_does_not_rise_has_no_speed_up():
  flat = {12_000: [0.7, 0.71], 24_000: [0.7, 0.7]}
  assert ratio_of_lengths([0.8, 0.81], flat, 24_000) is None


def test_above_the_baseline_from_the_shortest_runs_on_the_speed_up_is_a_bound():
  ladder = {12_000: [0.7, 0.71], 24_000: [0.75, 0.76]}
  effect = ratio_of_lengths([0.6, 0.61], ladder, 24_000)
  assert effect.text() == 'at least 2'
