"""The analyses of the protocol recover what simulated runs were made with."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from paper.inception_made import learning

from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper import section_4_2_protocol as protocol
from bn_repro.run import config as config_lib
from bn_repro.run.errors import UserError
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
  estimates = protocol.factorial(design(), np.arange(32.0))
  confounded = {name for name in estimates.interactions if '=' in name}
  assert confounded == {'CE=FG', 'CF=EG', 'CG=EF'}
  assert len(estimates.interactions) == 18
  assert GENERATORS == {'F': 'ABCD', 'G': 'ABDE'}


def test_main_effects_are_recovered_whatever_interacts():
  rng = np.random.default_rng(0)
  values = np.array([
    3 * run['A'] - 0.5 * run['G'] + 2 * run['A'] * run['B'] for run in design()
  ]) + 0.1 * rng.standard_normal(32)  # fmt: skip
  estimates = protocol.factorial(design(), values)
  assert estimates.main['A'] == pytest.approx(6, abs=0.15)
  assert estimates.main['G'] == pytest.approx(-1, abs=0.15)
  assert estimates.interactions['AB'] == pytest.approx(4, abs=0.15)
  effect = estimates.effect('G')
  assert effect.high < 0
  assert estimates.effect('C').low < 0 < estimates.effect('C').high


def test_lenths_error_passes_over_the_real_effects():
  rng = np.random.default_rng(1)
  estimates = [
    protocol.lenth([*rng.normal(0, 0.3, 22), 5.0, -4.0, 3.0]).deviation
    for _ in range(200)
  ]
  assert np.mean(estimates) == pytest.approx(0.3, rel=0.1)


@pytest.mark.slow
def test_the_interval_of_the_best_rate_covers_it():
  rng = np.random.default_rng(2)
  rates = np.repeat(0.0015 * 2.0 ** np.arange(6), 2)
  truth, covered = 0.01, []
  for _ in range(1000):
    accuracy = 0.7 - 0.03 * np.log(rates / truth) ** 2
    best = protocol.best_rate(rates, accuracy + 0.005 * rng.standard_normal(12))
    covered.append(best.low <= truth <= best.high)
  assert 0.92 <= np.mean(covered) <= 0.98


def test_a_best_rate_at_the_edge_is_none():
  rates = np.array([0.001, 0.002, 0.004, 0.008, 0.016])
  assert math.isnan(protocol.best_rate(rates, 0.1 + rates).rate)
  assert math.isnan(protocol.best_rate(rates, -np.log(rates)).rate)


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
    effect = protocol.ratio_of_lengths(runs(24_000, 1.0), ladder, 24_000)
    covered.append(effect.low <= 5 <= effect.high)
    ratios.append(effect.value)
  assert np.median(ratios) == pytest.approx(5, rel=0.03)
  assert least <= np.mean(covered) <= 0.98


def test_a_ladder_that_does_not_rise_has_no_speed_up():
  flat = {12_000: [0.7, 0.71], 24_000: [0.7, 0.7]}
  assert protocol.ratio_of_lengths([0.8, 0.81], flat, 24_000) is None


def test_above_the_baseline_from_the_shortest_runs_on_the_speed_up_is_a_bound():
  ladder = {12_000: [0.7, 0.71], 24_000: [0.75, 0.76]}
  effect = protocol.ratio_of_lengths([0.6, 0.61], ladder, 24_000)
  assert effect.text() == 'at least 2'


def stage_runs(stage):
  """A run of every name that a stage asks for; accuracy follows from its config."""
  path = config_lib.PROJECT / f'configs/sweeps/inception_{stage}.py'
  runs = []
  for name, location, overrides in config_lib.execute(path).get_runs():
    network = Path(location.partition(':')[0]).stem
    steps = int(overrides['train_for'].split()[0])
    faster = {'inception': 1}.get(network, 5)
    limit = 0.6 + 0.04 * math.log2(faster * steps / 12_000)
    if stage == 'stage2_rates':
      limit -= 0.02 * math.log(overrides['learning_rate'] / 0.012) ** 2
    limit += 0.001 * overrides['seed']
    config = {'seed': 0} | overrides
    runs.append(learning(network, 3_000, name=name, limit=max(limit, 0.3),
                         horizon=steps, **config))  # fmt: skip
  return runs


@pytest.mark.parametrize('stage', protocol.WRITERS)
def test_half_a_stage_is_counted_and_a_whole_one_estimated(stage):
  runs = stage_runs(stage)
  half = protocol.section({stage: runs[: len(runs) // 2]})
  assert f'{len(runs) // 2} of {len(runs)}' in half and '### Stage' not in half
  assert f'### Stage {protocol.STAGES[stage]}' in protocol.section({stage: runs})
  assert protocol.section({}) == ''


def test_whole_stages_say_what_was_put_in():
  assert '| BN-x5 ' in protocol.section({'stage2_rates': stage_runs('stage2_rates')})
  ladder = protocol.section({'stage2_ladder': stage_runs('stage2_ladder')})
  (row,) = (line for line in ladder.splitlines() if line.startswith('| BN-x5 '))
  assert float(row.split('|')[3].split()[0]) == pytest.approx(5, rel=0.03)


def test_runs_of_other_data_or_recipes_are_refused_and_named():
  good = {'bn_x5': [learning('bn_x5', 9_000, seed) for seed in (0, 1)]}
  family.check_comparable(good, Path('results'))
  larger = learning('inception', 9_000, **{'dataset.size': 128})
  with pytest.raises(UserError, match=r'inception_seed0 has dataset\.size=128'):
    family.check_comparable(good | {'inception': [larger]}, Path('results'))
  other = learning('bn_x5', 9_000, 2, learning_rate=0.1)
  with pytest.raises(UserError, match=r'bn_x5_seed2 has learning_rate=0\.1'):
    family.check_comparable({'bn_x5': [*good['bn_x5'], other]}, Path('results'))
  longer = learning('bn_x5', 9_000, 3, train_for='30 epochs')
  with pytest.raises(UserError, match=r"a\.json: .* has train_for='30 epochs'"):
    family.check_one_length([*good['bn_x5'], longer], Path('a.json'))
