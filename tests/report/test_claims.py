"""The ledger: every claim is there, and its verdict follows from its numbers.

Each measure is given made-up results on either side of its rule; then the committed
ledger is compared with what the committed results give.
"""

import json
import math

import numpy as np
import pytest

from bn_repro.report.claims import (
  changes,
  evaluation,
  figure_3,
  ledger,
  multilayer,
  page,
)
from bn_repro.report.claims.ledger import Missing, tried
from bn_repro.report.collect import Run
from support import PROJECT

RESULTS = PROJECT / 'results'


class Made:
  """Evidence that was made up."""

  def __init__(self, **found):
    self._found = found

  def runs(self, folder, name):
    return self._get(name)

  def page(self, folder, name):
    return self._get(name)

  def _get(self, name):
    if not (found := self._found.get(name)):
      raise Missing(name)
    return found


def run(name, accuracies, seed=0, curves=None, diverged=False, **config):
  """With these test accuracies in percent, evaluated every 100 steps."""
  accuracies = np.asarray(accuracies, float) / 100
  columns = {'step': 100.0 * np.arange(len(accuracies)), 'test_accuracy': accuracies}
  usual = {
    'seed': seed, 'network': name, 'learning_rate': 0.0015, 'batch_size': 32,
    'dataset.num_classes': 10,
  }  # fmt: skip
  summary = {
    'config': usual | config, 'diverged': diverged, 'num_steps': 10**6,
    'best_test_accuracy': accuracies.max(), 'wall_seconds': 1.0,
    'diverged_between_steps': [100, 200] if diverged else None,
  }  # fmt: skip
  return Run(f'{name}_seed{seed}', summary, columns | (curves or {}))


def seeds(name, *of_seeds, **columns):
  """A run for each list of accuracies."""
  return [
    run(name, accuracies, seed, {c: np.asarray(v, float) for c, v in columns.items()})
    for seed, accuracies in enumerate(of_seeds)
  ]


def with_drift(runs, drift):
  for one in runs:
    one.summary['percentile_drift'] = {
      percentile: {'relative': drift + 0.01 * one.config['seed']}
      for percentile in ('15', '50', '85')
    }
  return runs


SLOW = [[10, 80, 90, 95.2, 96], [10, 80, 91, 95.1, 96.1], [10, 81, 90, 95.3, 96.2]]
QUICK = [[10, 95.5, 96, 97, 97.5], [10, 95.1, 96, 97, 97.6], [10, 95.4, 96, 97, 97.4]]


@pytest.mark.parametrize('better, holds', [(QUICK, True), (SLOW[::-1], False)])
def test_1_faster_and_better(better, holds):
  runs = [*seeds('baseline', *SLOW), *seeds('batch_norm', *better)]
  found = multilayer.faster_and_better(Made(figure1=runs))
  assert found.holds == holds and found.number == 3
  if holds:
    assert found.value.mean == pytest.approx(3)  # step 300 against step 100


@pytest.mark.parametrize('drift, holds', [(0.1, True), (0.3, False)])
def test_2_steadier(drift, holds):
  runs = [*with_drift(seeds('baseline', *SLOW), 0.3),
          *with_drift(seeds('batch_norm', *QUICK), drift)]  # fmt: skip
  assert multilayer.steadier(Made(figure1=runs)).holds == holds


def runaway(outside=(10, 11, 12), bias=(0, 1, 2, 3, 4), still=(0, 0, 0, 0, 0), b=10.0):
  norm = multilayer.BIAS
  few = lambda last: [[10, last]] if np.isscalar(last) else [[10, v] for v in last]
  kinds = {
    'standardization_outside_gradient_rate1.0': few(outside),
    'standardization_rate1.0': few((94, 95, 96)),
  }
  runs = [r for name, of in kinds.items() for r in seeds(name, *of)]
  flat = [[10] * 5, [10] * 5]
  runs += seeds('centring_outside_gradient_rate0.1', *flat, **{norm: bias})
  runs += seeds('centring_rate0.1', *flat, **{norm: still})
  toy = {'way': 'mean, outside the gradient', 'bias': [0, b], 'loss': [0.9, 0.9]}
  return Made(runaway_bias=runs, toy_bias={'rows': [toy]})


@pytest.mark.parametrize(
  'changed, holds',
  [
    ({}, True),
    ({'outside': (94, 95, 96)}, False),
    ({'bias': (0, 4, 4, 4, 4)}, False),
    ({'still': (0, 0, 0, 0, 1)}, False),
    ({'b': 0.0}, False),
  ],
)
def test_3_the_bias_runs_away(changed, holds):
  assert multilayer.runaway(runaway(**changed)).holds == holds


@pytest.mark.parametrize('off, holds', [(1e-6, True), (1e-2, False)])
def test_4_scale(off, holds):
  rows = [
    {'epsilon': e, 'factor': 0.01, 'inputs_moved': moved, 'gradient_of_images': 1.0,
     'gradient_of_weights_times_factor': 1.0}
    for e, moved in ((1e-3, 0.9), (0.0, off))
  ]  # fmt: skip
  found = multilayer.scale_invariant(Made(weight_scale_batch_norm={'rows': rows}))
  assert found.holds == holds and found.value.mean == off


@pytest.mark.parametrize('off, holds', [(1e-6, True), (1e-3, False)])
def test_5_to_7_identities(off, holds):
  rows = [{'name': 'folded', 'deviation': 1e-7}, {'name': 'bias', 'deviation': off}]
  made = Made(identities={'rows': rows, 'images': 5})
  assert multilayer.identity('bias')(made).holds == holds
  assert multilayer.identity('folded', 'bias')(made).value.mean == off
  assert multilayer.identity('folded')(made).holds


@pytest.mark.parametrize('lows, holds', [((90, 91, 92), True), ((10, 11, 12), False)])
def test_27_less_dependent(lows, holds):
  runs = [
    one
    for network, low in (('baseline', (10, 11, 12)), ('batch_norm', lows))
    for factor, last in (('1', (95, 95, 95)), ('100', low))
    for one in seeds(f'{network}_x{factor}', *([10, v] for v in last))
  ]
  assert multilayer.less_dependent(Made(initial_scale=runs)).holds == holds


@pytest.mark.parametrize('low, holds', [(0.6, True), (0.1, False)])
def test_28_jacobians(low, holds):
  columns = {
    f'jacobian/layer_{i}/percentile_{p}': [1, value]
    for i in (2, 3)
    for p, value in ((10, low), (50, 0.9), (90, 1.5))
  }
  runs = [one for name in ('baseline', 'batch_norm')
          for one in seeds(name, [1, 2], [1, 2], **columns)]  # fmt: skip
  assert multilayer.jacobians(Made(optimization=runs)).holds == holds


PLAIN = run('inception', [10] + [40] * 30 + [70])


@pytest.mark.parametrize(
  'accuracies, holds, mean',
  [
    ([10, 50, 71], True, 15.5),
    ([10] + [50] * 9 + [71], False, 3.1),
    ([10, 69], False, None),
    ([10, 60], False, None),
  ],
)  # fmt: skip
def test_9_and_10_fewer_steps(accuracies, holds, mean):
  made = Made(networks=[PLAIN, run('bn_x5', accuracies)])
  found = figure_3.fewer_steps('bn_x5', 14.76 / 2)(made)
  assert found.holds == holds
  assert (
    found.value is None if mean is None else found.value.mean == pytest.approx(mean)
  )


def stopped(run, num_steps):
  """The same, with patience left when `train_for` ended it."""
  return run._replace(summary=run.summary | {'num_steps': num_steps})


def test_9_a_seed_that_meets_the_target_is_told_beside_one_that_never_does():
  plain = [PLAIN, run('inception', [10] + [40] * 30 + [70], seed=1)]
  runs = [run('bn_x5', [10, 50, 71]), run('bn_x5', [10, 60], seed=1)]
  found = figure_3.fewer_steps('bn_x5', 2.0)(Made(networks=[*plain, *runs]))
  assert found.holds is False
  assert 'plain network 15.5; 1 of 2 never times fewer' in found.text


@pytest.mark.parametrize('steps, holds', [(1000, None), (2000, False)])
def test_9_a_run_that_was_stopped_may_still_be_fast_enough(steps, holds):
  """The plain network takes 3,100 steps; half of them are 1,550."""
  short = run('bn_baseline', [10] + [50] * (steps // 100))
  made = Made(networks=[PLAIN, stopped(short, steps)])
  assert figure_3.fewer_steps('bn_baseline', 2.0)(made).holds == holds


@pytest.mark.parametrize(
  'x5, x30, holds',
  [
    ([10, 70, 72], [10, 60, 74, 75], True),
    ([10, 60, 72], [10, 70, 74, 75], False),
    ([10, 70, 76], [10, 60, 74, 75], False),
  ],
)
def test_11_slower_but_higher(x5, x30, holds):
  made = Made(networks=[PLAIN, run('bn_x5', x5), run('bn_x30', x30)])
  assert figure_3.slower_but_higher(made).holds == holds


@pytest.mark.parametrize(
  'x30, holds',
  [
    ([10, 60, 74], True),
    ([10] + [60] * 20 + [74], False),
    ([10, 69], None),
    ([10, 71], None),
    ([10, 64], False),
  ],
)
def test_12_higher_in_fewer(x30, holds):
  assert (
    figure_3.higher_in_fewer(Made(networks=[PLAIN, run('bn_x30', x30)])).holds == holds
  )


@pytest.mark.parametrize('highest, holds', [(69, True), (66, None), (60, False)])
def test_13_sigmoids(highest, holds):
  made = Made(networks=[PLAIN, run('bn_x5_sigmoid', [10, highest])])
  assert figure_3.sigmoids_train(made).holds == holds


@pytest.mark.parametrize('highest, holds', [(11.5, True), (13, False)])
def test_14_sigmoids_without(highest, holds):
  made = Made(learning_rates=[run('inception_sigmoid', [10, highest])])
  assert changes.sigmoids_alone(made).holds == holds


@pytest.mark.parametrize('diverged', [True, False])
def test_15_divergence(diverged):
  quick = run('inception', [10, 20], diverged=diverged, learning_rate=0.0075)
  found = changes.diverges(Made(networks=[PLAIN], learning_rates=[quick]))
  assert found.holds == diverged
  said = 'diverges between steps 100 and 200' if diverged else 'reaches 20.0%'
  assert f'at five times its rate it {said}' in found.text


@pytest.mark.parametrize('at_30, holds', [(80, True), (70, False)])
def test_16_harmless_rates(at_30, holds):
  networks = [
    PLAIN, run('bn_x5', [10, 80], learning_rate=0.0075),
    run('bn_x30', [10, at_30], learning_rate=0.045),
  ]  # fmt: skip
  sweep = [run('bn_x5', [10, 60], learning_rate=0.15)]
  made = Made(networks=networks, learning_rates=sweep)
  assert changes.harmless_rates(made).holds == holds


def test_17_to_22_need_the_ablation_and_follow_its_verdicts():
  """BN-x5 in three seeds; without the smaller L2 weight it is far worse."""
  networks = [
    PLAIN, run('bn_baseline', [10, 60]),
    *seeds('bn_x5', [10, 80], [10, 80.2], [10, 79.8]),
  ]  # fmt: skip
  made = Made(networks=networks)
  with pytest.raises(Missing, match='ablation'):
    changes.change('l2')(made)
  added = run('bn_baseline', [10, 60])._replace(name='bn_baseline_with_l2')
  without = run('bn_x5', [10, 70])._replace(name='bn_x5_without_l2')
  found = changes.change('l2')(Made(networks=networks, ablation=[added, without]))
  assert found.holds and found.value.mean == pytest.approx(0, abs=0.1)
  assert 'among all, BN-x5: +10.0 points' in found.text
  worse = run('bn_x5', [10, 90])._replace(name='bn_x5_without_l2')
  made = Made(networks=networks, ablation=[added, worse])
  assert not changes.change('l2')(made).holds
  with pytest.raises(Missing, match='both settings'):
    changes.change('l2')(Made(networks=networks, ablation=[without]))
  alone = [one for one in networks if one.config['seed'] == 0]
  with pytest.raises(Missing, match='other seeds'):
    changes.change('l2')(Made(networks=alone, ablation=[added, without]))


@pytest.mark.parametrize(
  'baseline, holds', [([10] * 20 + [71], True), ([10, 71], False)]
)
def test_23_not_enough(baseline, holds):
  networks = [PLAIN, run('bn_baseline', baseline), run('bn_x5', [10, 60, 71]),
              run('bn_x30', [10, 60])]  # fmt: skip
  assert figure_3.not_enough(Made(networks=networks)).holds == holds


def scores(accuracy):
  return {'top_1': {'accuracy': accuracy}, 'examples': 1000}


@pytest.mark.parametrize(
  'gain, together, holds', [(0.03, 0.9, True), (0.0, 0.8, False)]
)
def test_24_and_25_crops_and_members(gain, together, holds):
  one = [0.800, 0.805, 0.795]
  pages = {
    '1_crop': {'members': [scores(a) for a in one]},
    '144_crops': {'members': [scores(a + gain) for a in one],
                  'ensemble': scores(together)},
  }  # fmt: skip
  made = Made(**pages)
  assert evaluation.more_crops(made).holds == holds
  assert evaluation.ensemble(made).holds == holds


@pytest.mark.parametrize('near, holds', [(0.09, True), (0.4, False)])
def test_29_not_sparse(near, holds):
  rows = [{'side': 'input', 'layer': '3a', 'near_zero': near},
          {'side': 'output', 'layer': '3a', 'near_zero': 0.9}]  # fmt: skip
  pages = {f'nonlinearity_inputs_{n}': {'rows': rows} for n in ('inception', 'bn_x30')}
  found = evaluation.not_sparse(Made(**pages))
  assert found.holds == holds and found.number == 2


@pytest.mark.parametrize('after, holds', [((90, 80), True), ((50, 30), False)])
def test_30_shifted(after, holds):
  rows = [{'shift': 'none', 'amount': None, 'images': 100, 'right_before': 95,
           'right_after': 94}]  # fmt: skip
  rows += [
    {'shift': 'blur', 'amount': a, 'images': 100, 'right_before': 60, 'right_after': r}
    for a, r in enumerate(after, start=1)
  ]
  assert evaluation.shifted(Made(shifted_data={'rows': rows})).holds == holds


@pytest.mark.parametrize(
  'measure, made, lacking',
  [
    (changes.sigmoids_alone, {'learning_rates': [PLAIN]}, 'inception_sigmoid'),
    (changes.diverges, {'networks': [PLAIN], 'learning_rates': [PLAIN]}, '0.0075'),
    (multilayer.steadier, {'figure1': seeds('baseline', [1])}, 'batch_norm'),
    (
      multilayer.jacobians,
      {'optimization': [*seeds('baseline', [1], [1]), *seeds('batch_norm', [1])]},
      'same seeds',
    ),
  ],
)
def test_half_a_sweep_has_no_verdict(measure, made, lacking):
  with pytest.raises(Missing, match=lacking):
    measure(Made(**made))


def test_there_are_thirty_claims_in_order():
  assert [claim.number for claim in page.CLAIMS] == list(range(1, 31))


def test_what_was_not_run_has_no_verdict(tmp_path):
  for claim in page.CLAIMS:
    found = tried(claim, tmp_path)
    untestable = claim.verdict == ledger.UNTESTABLE
    assert found['verdict'] == (ledger.UNTESTABLE if untestable else ledger.UNTRIED)


@pytest.fixture(scope='module')
def committed():
  return json.loads((RESULTS / 'claims.json').read_text())


def test_the_ledger_is_what_the_results_say(committed):
  """Verdicts and numbers: computed again from the summaries and pages."""
  for found, expected in zip(page.entries(RESULTS), committed, strict=True):
    assert found.keys() == expected.keys()
    for name, value in found.items():
      if isinstance(value, float):
        assert expected[name] == pytest.approx(value, rel=1e-4), found['number']
      else:
        assert expected[name] == value, found['number']


def test_no_verdict_without_numbers_behind_it(committed):
  for entry in committed:
    if entry['verdict'] in (ledger.REPRODUCED, ledger.SCALED, ledger.FAILED):
      assert entry['files'] and entry['n'] >= 1
      assert all((RESULTS / file).exists() for file in entry['files'])
      assert 'value' in entry or entry['verdict'] == ledger.FAILED
      assert math.isfinite(entry.get('value', 0))


def test_the_page_is_made_from_the_ledger(committed):
  assert (RESULTS / 'claims.md').read_text() == page.text(committed)


def test_experiments_that_claims_name_are_there(committed):
  for entry in committed:
    for path in entry['experiment'].split(', '):
      assert (PROJECT / path.partition(':')[0]).exists(), path
