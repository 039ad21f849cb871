"""The tuned comparison says what simulated runs were made with, and nothing before."""

import numpy as np
import pytest
from paper.claims_made import CLAIMS, Made, measured, verdict
from paper.stages_made import stage_runs

from bn_repro.paper import section_4_2_stage_2a as stage_2a
from bn_repro.paper import section_4_2_stage_2b as stage_2b
from bn_repro.paper.ledger import CONTRADICTED, INCONCLUSIVE, SUPPORTED


def rates(high=0.0, failing=()):
  """Stage 2a; so much more accuracy at 32 times Inception's rate; some runs fail."""
  runs = stage_runs(stage_2a.STAGE, lambda name: 0.6 + 0.002 * name.endswith('1'))
  for run in runs:
    if run.name.startswith('bn_x5_rate0.048'):
      run.curves['test_accuracy'][:] += high
    if run.name.startswith(tuple(failing)):
      run.curves['test_accuracy'][:] = 0.1
  return runs


@pytest.mark.parametrize(
  'high, expected', [(0.0, SUPPORTED), (-0.01, INCONCLUSIVE), (-0.03, CONTRADICTED)]
)
def test_16_a_loss_of_a_point_is_an_ill_effect(high, expected):
  made = Made(stage2_rates=rates(high))
  assert verdict('16', made) == expected
  assert measured('16', made).effect.value == pytest.approx(100 * high, abs=1e-6)
  assert '32 times is' in measured('16', made).text


def test_runs_that_fail_are_named_and_left_out_of_the_parabola(tmp_path):
  runs = stage_runs(stage_2a.STAGE)
  text = stage_2a.section(runs, tmp_path)
  for run in runs:
    if run.name.startswith('inception_rate0.048'):
      run.curves['test_accuracy'][:] = 0.1
  failed = stage_2a.section(runs, tmp_path)
  cells = lambda page: next(
    [cell.strip() for cell in line.split('|')]
    for line in page.splitlines()
    if line.startswith('| Inception')
  )
  assert cells(text)[2].split()[0] == cells(failed)[2].split()[0] == '0.012'
  assert cells(text)[-3:-1] == ['0.048', 'none tried']
  assert cells(failed)[-3:-1] == ['0.024', '0.048']


def test_the_best_rate_and_its_ratio_are_those_put_in(tmp_path):
  """Accuracy peaks at 0.012 in all networks."""
  text = stage_2a.section(stage_runs(stage_2a.STAGE), tmp_path)
  (row,) = (line for line in text.splitlines() if line.startswith('| BN-x5 '))
  best, ratio = (float(row.split('|')[i].split()[0]) for i in (2, 3))
  assert best == pytest.approx(0.012, rel=0.02) and ratio == pytest.approx(1, abs=0.02)


def test_the_averaged_weights_count():
  runs = stage_runs(stage_2b.STAGE)
  for run in runs:
    run.curves['test_accuracy_polyak'] = np.full_like(run.curves['step'], 0.9)
  by_length = stage_2b.ladders(runs, stage_2b._length)
  assert {v for one in by_length.values() for s in one.values() for v in s} == {0.9}


def test_the_tuned_speed_up_is_the_one_put_in(tmp_path):
  runs = stage_runs(stage_2b.STAGE)
  ratios = stage_2b.tuned_speed_ups(runs)
  assert ratios.keys() == {'bn_baseline', 'bn_x5'}
  assert ratios['bn_x5'].value == pytest.approx(5, rel=0.03)
  text = stage_2b.section(runs, tmp_path)
  assert '| BN-x5 ' in text and (tmp_path / 'ladder.png').exists()
  assert stage_2b.section([], tmp_path) == ''


@pytest.mark.parametrize('key', stage_2b.TUNED)
def test_a_claim_says_what_both_sides_tuned_give(key):
  """With the verdict by its own margin; nothing before the stage is whole."""
  runs = stage_runs(stage_2b.STAGE)
  text = stage_2b.tuned(CLAIMS[key], Made(stage2_ladder=runs))
  assert text.startswith('; each at its own best learning rate ')
  assert text.endswith(' by the same margin')
  assert stage_2b.tuned(CLAIMS[key], Made(stage2_ladder=runs[:-1])) == ''


def test_a_claim_without_a_tuned_comparison_says_nothing():
  runs = stage_runs(stage_2b.STAGE)
  assert stage_2b.tuned(CLAIMS['11a'], Made(stage2_ladder=runs)) == ''


def test_networks_are_compared_at_the_longest_length_that_both_have():
  by_length = stage_2b.ladders(stage_runs(stage_2b.STAGE), stage_2b._length)
  effect, length = stage_2b.difference(by_length, 'bn_x5_sigmoid', 'inception')
  assert length == 12_000
  assert effect.value == pytest.approx(4 * np.log2(5), abs=0.1)
