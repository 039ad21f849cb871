"""The speed-up between annealed runs of several lengths is the one put in."""

import numpy as np
import pytest

from bn_repro.report.intervals import Spread, pooled_deviation
from bn_repro.report.ladder import ratio_of_lengths

SPREAD = Spread(0.003, 20)


def ladder_of(accuracy, lengths, rng):
  """Four seeds of each length, with a spread of 0.3 points."""
  return {n: accuracy(n) + 0.003 * rng.standard_normal(4) for n in lengths}


def estimated(ratio, lengths, rng, points=0.04, bend=0.0):
  """Of a network that is `ratio` times as fast; Inception's runs have 24,000 steps."""

  def accuracy(steps):
    doublings = np.log2(steps / 24_000)
    return 0.6 + points * doublings - bend * doublings**2

  baseline = ladder_of(accuracy, (12_000, 24_000), rng)
  ladder = ladder_of(lambda n: accuracy(ratio * n), lengths, rng)
  spread = pooled_deviation([*baseline.values(), *ladder.values()])
  return ratio_of_lengths(baseline[24_000], 24_000, ladder, spread)


@pytest.mark.slow
@pytest.mark.parametrize(
  'bend, least', [(0.0, 0.92), (0.008, 0.85)], ids=['straight', 'flattening']
)
def test_its_interval_covers_the_speed_up(bend, least):
  """Four points a doubling; the network is 5 times as fast.

  A curve that flattens lies above the line between two lengths, so that the speed-up
  comes out a little too small.
  """
  rng, lengths = np.random.default_rng(3), (3_000, 6_000, 12_000, 24_000)
  found = [estimated(5.0, lengths, rng, bend=bend) for _ in range(1000)]
  assert np.median([effect.value for effect in found]) == pytest.approx(5, rel=0.03)
  assert least <= np.mean([e.low <= 5 <= e.high for e in found]) <= 0.98


def test_a_ladder_that_does_not_rise_has_no_speed_up():
  flat = {12_000: [0.7, 0.71], 24_000: [0.7, 0.7]}
  assert ratio_of_lengths([0.8, 0.81], 24_000, flat, SPREAD) is None


def test_a_ladder_that_hardly_rises_bounds_nothing():
  """The continued line may lead anywhere, further than a number can say."""
  flat = {12_000: [0.7, 0.7], 24_000: [0.7, 0.700001]}
  for baseline in ([0.8, 0.81], [0.6, 0.61], [0.7, 0.7000004]):
    assert ratio_of_lengths(baseline, 24_000, flat, SPREAD).text() == 'not bounded'


def test_above_the_baseline_from_the_shortest_runs_on_the_speed_up_is_a_bound():
  ladder = {12_000: [0.7, 0.71], 24_000: [0.75, 0.76]}
  effect = ratio_of_lengths([0.6, 0.61], 24_000, ladder, SPREAD)
  assert effect.text() == 'at least 2'


def test_below_the_baseline_up_to_the_longest_runs_it_is_a_bound_as_well():
  ladder = {12_000: [0.7, 0.71], 24_000: [0.75, 0.76]}
  effect = ratio_of_lengths([0.8, 0.81], 24_000, ladder, SPREAD)
  assert effect.text() == 'at most 1'


@pytest.mark.parametrize('ratio', [2.1, 1.9])
def test_near_the_end_of_the_ladder_the_bound_is_weakened_by_the_noise(ratio):
  """A bound of 2 that chance alone has made must not exclude 1.9."""
  rng = np.random.default_rng(4)
  bounds = [estimated(ratio, (12_000, 24_000), rng, 0.01) for _ in range(400)]
  assert np.mean([effect.low > ratio for effect in bounds]) < 0.05
