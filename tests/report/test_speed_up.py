"""Speed-ups from simulated curves, whose true value is known.

Each simulation trains five networks a few times. Log steps of a run spread by 8 %, as
in results/inception, and an evaluation is off by 0.6 points, as one on 3,925 images is.
"""

import math

import numpy as np
import pytest
from scipy import stats

from bn_repro.report import effects, speed_up
from bn_repro.report.crossing import Crossing, crossing_of

SIMULATIONS = 2_000
# Times fewer steps than the first network needs, which is the baseline.
SPEED_UPS = np.array([1.0, 1.25, 2.7, 3.8, 5.5])
SPREAD, NOISE = 0.08, 0.006
TARGET, STEPS_OF_BASELINE = 0.75, 50_000
LIMIT = 0.8  # accuracy that every network approaches
# The last step, as a multiple of what the baseline needs.
UNCENSORED, HALF_CENSORED = 2.0, 1.2


def simulated_runs(rng, seeds, horizon):
  """Crossings of each network, and the plain curves behind them."""
  steps = np.round(np.geomspace(300, horizon * STEPS_OF_BASELINE, 60))
  networks = np.repeat(np.arange(len(SPEED_UPS)), seeds)
  luck = SPREAD * rng.standard_normal(len(networks))
  needed = STEPS_OF_BASELINE / SPEED_UPS[networks] * np.exp(luck)
  curves = accuracy_after(steps, needed[:, None])
  curves = curves + NOISE * rng.standard_normal(curves.shape)
  crossings = [crossing_of(steps, curve, TARGET) for curve in curves]
  by_network = {i: crossings[i * seeds :][:seeds] for i in range(len(SPEED_UPS))}
  return speed_up.runs_of(by_network), steps, curves


def accuracy_after(steps, needed):
  """A curve that passes the target after `needed` steps."""
  at_target = -math.log(1 - TARGET / LIMIT)
  return LIMIT * (1 - np.exp(-at_target * (steps / needed) ** 0.5))


def own_maximum(steps, curves, seeds):
  """The estimator of before: first evaluation at the maximum of the baseline's seed."""
  baseline, ours = curves[:seeds], curves[-seeds:]
  ratios = [
    steps[np.argmax(theirs)] / steps[np.argmax(curve >= theirs.max())]
    for theirs, curve in zip(baseline, ours)
    if (curve >= theirs.max()).any()
  ]
  return effects.of_ratios(ratios) if len(ratios) > 1 else None


@pytest.mark.slow
@pytest.mark.parametrize('horizon', [UNCENSORED, HALF_CENSORED])
@pytest.mark.parametrize('seeds', [2, 3])
def test_intervals_cover_and_the_estimate_is_unbiased(seeds, horizon):
  """Coverage of 95 % intervals within 93 to 97 %, median ratio within 2 %."""
  rng = np.random.default_rng(seeds)
  truth = math.log(SPEED_UPS[-1])
  covered, estimates = [], []
  for _ in range(SIMULATIONS):
    runs, *_ = simulated_runs(rng, seeds, horizon)
    limit = speed_up.largest_deviance(runs)
    covered.append(speed_up.deviance(runs, 4, 0)(truth) <= limit)
    mean = speed_up.fit(runs).mean
    estimates.append(mean[0] - mean[4])
  assert 0.93 <= np.mean(covered) <= 0.97
  assert abs(np.median(estimates) - truth) <= 0.02


def test_the_estimator_of_before_is_biased_and_its_intervals_are_wide():
  rng = np.random.default_rng(0)
  before, now = [], []
  for _ in range(100):
    runs, steps, curves = simulated_runs(rng, 2, UNCENSORED)
    now.append(speed_up.ratio_of_steps(runs, 4, 0))
    before.append(own_maximum(steps, curves, 2))
  before = [interval for interval in before if interval]
  width = lambda intervals: np.median([math.log(i.high / i.low) for i in intervals])
  assert width(before) > 5 * width(now)
  assert abs(math.log(np.median([i.value for i in before]) / SPEED_UPS[-1])) > 0.1


def test_without_censoring_the_interval_is_that_of_student():
  rng = np.random.default_rng(1)
  groups = {name: 9 + 0.1 * rng.standard_normal(n) for name, n in zip('abc', (2, 3, 2))}
  runs = speed_up.runs_of(
    {k: [Crossing(math.exp(v), False) for v in values] for k, values in groups.items()}
  )
  freedom = 7 - 3
  squares = sum(np.sum((v - v.mean()) ** 2) for v in groups.values())
  half = stats.t.ppf(0.975, freedom) * math.sqrt(squares / freedom * (1 / 2 + 1 / 3))
  difference = groups['a'].mean() - groups['b'].mean()
  ours = speed_up.ratio_of_steps(runs, network=1, baseline=0)
  expected = np.exp([difference, difference - half, difference + half])
  np.testing.assert_allclose(ours[:3], expected, rtol=1e-6)


def test_a_network_that_never_arrives_says_nothing_of_the_spread():
  """The interval of two others is as without it."""
  rng = np.random.default_rng(1)
  groups = {
    name: [Crossing(math.exp(9 + 0.1 * z), False) for z in rng.standard_normal(3)]
    for name in 'ab'
  }
  never = {'c': [Crossing(30_000, True)] * 2}
  alone, beside = (
    speed_up.ratio_of_steps(speed_up.runs_of(of), network=1, baseline=0)
    for of in (groups, groups | never)
  )
  np.testing.assert_allclose(beside[:3], alone[:3], rtol=1e-9)
  assert beside.p_value(2.0) == pytest.approx(alone.p_value(2.0))


def test_the_fit_agrees_with_scipy_on_censored_values():
  values = np.array([1.0, 1.4, 0.7, 1.9, 2.0, 2.0])
  censored = np.array([False] * 4 + [True] * 2)
  runs = speed_up.Runs(values, censored, np.zeros(6, int))
  data = stats.CensoredData.right_censored(values, censored)
  mean, deviation = stats.norm.fit(data)
  ours = speed_up.fit(runs)
  np.testing.assert_allclose([*ours.mean, ours.deviation], [mean, deviation], rtol=1e-3)


def crossings_of(**networks):
  """Runs from steps; a negative number is that of a censored run."""
  return speed_up.runs_of(
    {
      name: [Crossing(abs(steps), steps < 0) for steps in values]
      for name, values in networks.items()
    }
  )


def test_a_network_that_never_reaches_the_target_has_an_upper_bound_only():
  runs = crossings_of(plain=[100, 110], ours=[-200, -200], other=[50, 55])
  ours = speed_up.ratio_of_steps(runs, network=1, baseline=0)
  assert (ours.value, ours.low) == (0, 0)
  assert 0.4 < ours.high < 0.8


def test_a_baseline_that_never_reaches_the_target_gives_a_lower_bound_only():
  runs = crossings_of(plain=[-200, -200], ours=[100, 110], other=[50, 55])
  ours = speed_up.ratio_of_steps(runs, network=1, baseline=0)
  assert (ours.value, ours.high) == (math.inf, math.inf)
  assert 1.3 < ours.low < 2.5


def test_what_cannot_be_estimated_is_refused():
  with pytest.raises(ValueError, match='no run reached'):
    speed_up.fit(crossings_of(a=[-1, -2]))
  with pytest.raises(ValueError, match='do not differ'):
    speed_up.fit(crossings_of(a=[5, 5], b=[7]))
  with pytest.raises(ValueError, match='of the two networks'):
    speed_up.ratio_of_steps(crossings_of(a=[-1, -2], b=[-1, -2], c=[5, 6]), 0, 1)
