"""The seven changes get the effects that were put into the 32 runs."""

import re

import numpy as np
import pytest
from paper.claims_made import Made, measured, verdict
from paper.stages_made import stage_runs

from bn_repro.paper import section_4_2_1_stage_3 as stage_3
from bn_repro.paper import stages
from bn_repro.paper.ledger import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from bn_repro.report import collect, commands
from bn_repro.run import config as config_lib
from bn_repro.training import sweep
from configs.sweeps.inception_stage3_changes import FACTORS
from support import PROJECT

RESULTS = PROJECT / 'results' / 'inception'

CLAIMS_OF = {'18': 'D', '19': 'B', '20': 'E', '21': 'F', '22': 'G'}


def runs_with(factor, points, noise=0.3):
  """All 32 runs: so many points more with a factor; the rest is noise."""
  rng = np.random.default_rng(5)
  runs = stage_runs(stage_3.STAGE, lambda name: 0.6)
  for run in runs:
    gain = points * (f'{factor}+' in run.name) + noise * rng.standard_normal()
    run.curves['test_accuracy'][:] += gain / 100
  return runs


@pytest.mark.parametrize('key, factor', CLAIMS_OF.items())
def test_an_effect_is_credited_to_its_claim_and_no_other(key, factor):
  made = Made(stage3_changes=runs_with(factor, 2))
  assert measured(key, made).effect.value == pytest.approx(2, abs=0.3)
  for other in CLAIMS_OF.keys() - {key}:
    assert measured(other, made).effect.value == pytest.approx(0, abs=0.4)


@pytest.mark.parametrize(
  'points, expected', [(2, SUPPORTED), (0, INCONCLUSIVE), (-2, CONTRADICTED)]
)
@pytest.mark.parametrize('key', ['18', '21', '22'])
def test_better_at_all(key, points, expected):
  made = Made(stage3_changes=runs_with(CLAIMS_OF[key], points))
  assert verdict(key, made) == expected


@pytest.mark.parametrize(
  'points, expected',
  [(2, SUPPORTED), (0, SUPPORTED), (-1, INCONCLUSIVE), (-2, CONTRADICTED)],
)
@pytest.mark.parametrize('key', ['19', '20'])
def test_not_needed_is_a_loss_of_less_than_a_point(key, points, expected):
  made = Made(stage3_changes=runs_with(CLAIMS_OF[key], points))
  assert verdict(key, made) == expected


def test_17_speed_and_overfitting_are_two_claims():
  """Without dropout half the steps to 50 %, and the gap is two points wider."""
  runs = runs_with('G', 0)
  for i, run in enumerate(runs):
    less, jitter = 'C+' in run.name, 0.01 * (i % 3)
    run.curves['step'][1:] *= (1 + jitter) * (0.5 if less else 1)
    gap = (0.12 if less else 0.1) + 0.1 * jitter
    run.curves['train_accuracy_undistorted'] = run.curves['test_accuracy'] + gap
  made = Made(stage3_changes=runs)
  # The smoothing's least window, 300 steps, pulls it a little towards 1.
  assert measured('17a', made).effect.value == pytest.approx(2, rel=0.1)
  assert verdict('17a', made) == SUPPORTED
  assert measured('17b', made).effect.value == pytest.approx(2, abs=0.1)
  assert verdict('17b', made) == CONTRADICTED


def test_steps_are_counted_to_a_target_that_all_runs_reach():
  runs = runs_with('G', 0)
  assert stage_3.design_of(runs).target == 0.5
  low = runs[3].curves['test_accuracy']
  low[:] = np.minimum(low, 0.42)
  assert stage_3.design_of(runs).target == 0.4
  low[:] = 0.1
  made = Made(stage3_changes=runs)
  assert verdict('17a', made) == INCONCLUSIVE
  assert 'do not reach 30 %' in measured('17a', made).too_little
  assert np.isfinite(measured('17b', made).effect.low), 'the gap needs no target'


def test_the_section_has_a_row_and_a_sentence_for_each(tmp_path):
  text = stage_3.section(runs_with('D', 2), tmp_path)
  for title in stage_3.factors().values():
    assert f' {title}' in text
  sentences = [line for line in text.splitlines() if line.startswith('- **')]
  assert len(sentences) == len(stage_3.CLAIMS)
  assert any(line.startswith('- **18: supported.** A fifth of') for line in sentences)
  assert (tmp_path / 'main_effects.svg').exists()


def test_a_run_that_diverges_at_once_counts_with_its_last_evaluation():
  """Not as NaN, which would make all contrasts NaN."""
  runs = runs_with('D', 2)
  for i in range(0, 32, 9):
    first = {name: values[:1] for name, values in runs[i].curves.items()}
    summary = runs[i].summary | {'diverged': True}
    runs[i] = runs[i]._replace(curves=first, summary=summary)
  design = stage_3.design_of(runs)
  assert np.isfinite([*design.accuracy.contrasts().values()]).all()
  assert design.log_steps is None
  assert '4 runs diverged' in stage_3.finding_of('18', design, runs).text


def test_runs_that_all_stay_at_chance_do_not_show_that_nothing_is_needed():
  """All contrasts are 0, and so is their error by Lenth's method."""
  runs = runs_with('G', 0)
  for run in runs:
    run.curves['test_accuracy'][:] = 0.1
  made = Made(stage3_changes=runs)
  for key in stage_3.CLAIMS:
    assert verdict(key, made) == INCONCLUSIVE
  assert np.isnan(stage_3.design_of(runs).accuracy.effect('B').low)
  assert '32 of 32 runs fail' in measured('19', made).too_little


@pytest.mark.parametrize(
  'factors, expected', [('A+', INCONCLUSIVE), ('A+B+', SUPPORTED)]
)
def test_a_change_has_no_effect_in_runs_that_fail(factors, expected):
  """Eight of 32 that fail leave a verdict, and more do not."""
  runs = runs_with('E', 0)
  for run in runs:
    if run.name.startswith(factors):
      run.curves['test_accuracy'][-1] = 0.1
  assert verdict('20', Made(stage3_changes=runs)) == expected


def test_where_a_run_reaches_no_target_the_table_has_no_speed_up(monkeypatch, tmp_path):
  monkeypatch.setattr(stage_3, 'figure', lambda *_: None)
  runs = runs_with('G', 0)
  runs[3].curves['test_accuracy'][:] = 0.25
  assert not re.search(r'\bnan\b', stage_3.section(runs, tmp_path))


def test_in_the_pilot_every_factor_but_the_weight_has_a_level_of_stage_3():
  """Of learning rate and decay those with which a weight shrinks weights most."""
  for run in sweep.read(PROJECT / commands.sweep_file(stage_3.PILOT)):
    config = config_lib.flatten(run.load())
    of_pilot = {
      factor: [level for level, value in levels.items() if value == config[field]]
      for factor, (field, levels) in FACTORS.items()
      if factor != 'D'
    }
    assert of_pilot == {'A': [1], 'B': [-1]} | {f: [1] for f in 'CEFG'}


def pilot_runs(*accuracies):
  """The pilot, with such an accuracy at each weight."""
  at = dict(zip(('0.0002', '0.001', '0.005', '0.025'), accuracies))
  return stage_runs(stage_3.PILOT, lambda name: at[name.split('_')[1]])


@pytest.mark.parametrize(
  'accuracies, levels',
  [
    ((0.70, 0.70, 0.70, 0.70), (0.005, 0.025)),
    ((0.70, 0.71, 0.69, 0.50), (0.001, 0.005)),  # the largest bearable one
    ((0.70, 0.66, 0.60, 0.50), (0.00004, 0.0002)),
    ((0.70, 0.70, 0.70, 0.671), (0.005, 0.025)),
  ],
)
def test_the_pilots_rule_gives_the_levels_of_l2(accuracies, levels):
  assert stage_3.levels_of_l2(pilot_runs(*accuracies)) == pytest.approx(levels)


def test_in_the_pilot_a_weight_that_diverges_at_once_is_not_chosen():
  runs = [
    run._replace(curves={name: v[:1] for name, v in run.curves.items()},
                 summary=run.summary | {'diverged': True})
    if run.name.startswith('l2_0.025') else run
    for run in pilot_runs(0.7, 0.7, 0.7, 0.7)
  ]  # fmt: skip
  assert stage_3.levels_of_l2(runs) == pytest.approx((0.001, 0.005))


def test_a_pilot_in_which_no_weight_trains_gives_no_levels():
  """All are within three points of the best then, which is chance."""
  runs = pilot_runs(0.1, 0.1, 0.1, 0.1)
  for run in runs:
    run.curves['test_accuracy'][:] = 0.1
  assert stage_3.levels_of_l2(runs) is None
  assert stage_3.pilot(runs).endswith("so the protocol's rule gives no levels.")


def test_the_pilots_text_says_which():
  text = stage_3.pilot(pilot_runs(0.7, 0.7, 0.7, 0.7))
  assert text.endswith(
    'The levels of stage 3 are 0.025 and 0.005: by the protocol the largest weight '
    'that\ncosts at most 3 points, and a fifth of it.'
  )


def test_stage_3_has_the_levels_that_the_pilot_found():
  pilot = stages.if_whole(stage_3.PILOT, collect.load(RESULTS, stage_3.PILOT))
  if not pilot:
    pytest.skip('the pilot is not whole')
  low, high = FACTORS['D'][1][1], FACTORS['D'][1][-1]
  assert (low, high) == pytest.approx(stage_3.levels_of_l2(pilot))
