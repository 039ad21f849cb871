"""Effects of a two-level design are those that it was made with."""

import itertools
import math

import numpy as np
import pytest

from bn_repro.report.factorial import factorial, half_normal, lenth
from configs.sweeps.inception_stage3_changes import FACTORS, GENERATORS, design


def test_the_design_has_32_different_runs_and_balanced_levels():
  runs = design()
  assert len({tuple(run.values()) for run in runs}) == 32
  assert all(sum(run[f] for run in runs) == 0 for f in 'ABCDEFG')
  assert list(FACTORS) == list('ABCDEFG')


def test_no_main_effect_is_aliased_with_another_or_with_an_interaction_of_two():
  """Resolution IV: products of up to three columns are never constant."""
  runs = design()
  for size in (2, 3):
    for factors in itertools.combinations('ABCDEFG', size):
      products = {math.prod(run[f] for f in factors) for run in runs}
      assert products == {-1, 1}, factors


def test_three_pairs_of_interactions_are_confounded_and_no_other():
  estimates = factorial(design(), np.arange(32.0))
  confounded = {name for name in estimates.interactions if '=' in name}
  assert confounded == {'CE=FG', 'CF=EG', 'CG=EF'}
  assert len(estimates.interactions) == 18
  assert GENERATORS == {'F': 'ABCD', 'G': 'ABDE'}


def test_the_contrasts_are_all_that_32_runs_have():
  """31 that are orthogonal: squares of their sizes are the variance of the values."""
  values = np.random.default_rng(0).standard_normal(32)
  contrasts = factorial(design(), values).contrasts()
  assert len(contrasts) == 31
  squares = sum((value / 2) ** 2 for value in contrasts.values())
  assert squares == pytest.approx(np.var(values))


def test_main_effects_are_recovered_whatever_interacts():
  rng = np.random.default_rng(0)
  values = np.array([
    3 * run['A'] - 0.5 * run['G'] + 2 * run['A'] * run['B'] for run in design()
  ]) + 0.1 * rng.standard_normal(32)  # fmt: skip
  estimates = factorial(design(), values)
  assert estimates.main['A'] == pytest.approx(6, abs=0.15)
  assert estimates.main['G'] == pytest.approx(-1, abs=0.15)
  assert estimates.interactions['AB'] == pytest.approx(4, abs=0.15)
  effect = estimates.effect('G')
  assert effect.high < 0
  assert estimates.effect('C').low < 0 < estimates.effect('C').high


def test_the_interval_of_a_main_effect_covers_it():
  """In 95 % of 400 simulations with four real effects; Lenth's is a little wide."""
  rng, covered = np.random.default_rng(1), []
  truth = np.array([2 * r['A'] - r['G'] + 0.5 * r['D'] * r['E'] for r in design()])
  for _ in range(400):
    effect = factorial(design(), truth + rng.standard_normal(32)).effect('G')
    covered.append(effect.low <= -2 <= effect.high)
  assert 0.93 <= np.mean(covered) <= 0.98


def test_lenths_error_passes_over_the_real_effects():
  rng = np.random.default_rng(1)
  estimates = [
    lenth([*rng.normal(0, 0.3, 28), 5.0, -4.0, 3.0]).deviation for _ in range(200)
  ]
  assert np.mean(estimates) == pytest.approx(0.3, rel=0.1)


def test_contrasts_of_nothing_lie_on_a_line_through_the_origin():
  """A half-normal plot: sizes in order against quantiles, their error as slope."""
  noise = np.random.default_rng(2).normal(0, 0.3, 2000)
  names = [f'c{i}' for i in range(len(noise))]
  ordered, sizes, quantiles = zip(*half_normal(dict(zip(names, noise))))
  assert [abs(noise[int(name[1:])]) for name in ordered] == [*sizes] == sorted(sizes)
  slope = np.polyfit(quantiles, sizes, 1)[0]
  assert slope == pytest.approx(0.3, rel=0.05)
