"""The network without BN: never above chance, and whether it diverges."""

import math

import pytest
from paper.claims_made import Made, measured, verdict
from paper.stages_made import stage_runs

from bn_repro.paper import section_4_2_stage_4 as stage_4
from bn_repro.paper.ledger import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from configs.sweeps.inception_stage4_controls import SEEDS_OF_CLAIM_15


def controls(diverged=(), best=0.107):
  """Stage 4; runs of which a name is in `diverged` do, and sigmoids get to `best`."""
  runs = stage_runs(stage_4.STAGE, lambda name: best if 'sigmoid' in name else 0.4)
  for run in runs:
    run.summary['diverged'] = run.name in diverged
    run.summary['diverged_between_steps'] = [10, 20]
  return runs


@pytest.mark.parametrize(
  'best, expected',
  [(0.107, SUPPORTED), (0.125, INCONCLUSIVE), (0.15, CONTRADICTED)],
)
def test_14_the_highest_evaluation_with_its_interval(best, expected):
  made = Made(stage4_controls=controls(best=best))
  assert verdict('14', made) == expected
  effect = measured('14', made).effect
  assert effect.value == pytest.approx(100 * (best - 0.1), abs=0.02)
  # Wilson's interval of a share of 3,925 images is about two standard errors wide.
  half = 196 * math.sqrt(best * (1 - best) / 3925)
  assert effect.high - effect.value == pytest.approx(half, rel=0.05)


def test_14_a_run_that_ended_early_does_not_show_never():
  runs = controls()
  for run in runs:
    run.summary['last_step'] = min(run.summary['last_step'], 50_000)
  assert verdict('14', Made(stage4_controls=runs)) == INCONCLUSIVE


FAN_IN = [f'fan_in_x5_seed{seed}' for seed in range(SEEDS_OF_CLAIM_15)]


@pytest.mark.parametrize(
  'diverged, expected',
  [
    ((), CONTRADICTED),
    (FAN_IN, SUPPORTED),  # all seeds of one kind
    (FAN_IN[:1], INCONCLUSIVE),
    (FAN_IN[1:], INCONCLUSIVE),
    (('he_x5_seed0', 'he_x5_seed1'), CONTRADICTED),  # He's are not counted
    (('fan_in_x10_seed0', 'fan_in_x10_seed1'), CONTRADICTED),  # another rate
  ],
)
def test_15_all_seeds_of_some_kind_but_hes(diverged, expected):
  """The rule of the protocol, word for word."""
  assert verdict('15', Made(stage4_controls=controls(diverged))) == expected


@pytest.mark.parametrize('number, low, high', [(0, 0, 0.459), (6, 0.541, 1)])
def test_15_the_share_has_the_interval_of_so_few_seeds(number, low, high):
  """Clopper and Pearson's: at its end all six, or none, come about in 2.5 %."""
  effect = measured('15', Made(stage4_controls=controls(FAN_IN[:number]))).effect
  assert effect[:3] == pytest.approx((number / 6, low, high), abs=1e-3)
  assert max(low, 1 - high) ** 6 == pytest.approx(0.025, rel=0.01)
  assert effect.p_value(0.5) == pytest.approx(2 * 0.5**6)


def test_15_seeds_that_stay_at_chance_neither_diverge_nor_train():
  """So that none diverges does not contradict the claim then."""
  runs = controls()
  (stuck,) = (run for run in runs if run.name == 'fan_in_x5_seed1')
  stuck.curves['test_accuracy'][:] = 0.1
  assert verdict('15', Made(stage4_controls=runs)) == INCONCLUSIVE
  for run in runs:
    if run.name.startswith('fan_in_x1_'):  # and then it is not counted
      run.curves['test_accuracy'][:] = 0.1
  assert verdict('15', Made(stage4_controls=runs)) == CONTRADICTED
  assert 'counted: std0.01, std0.03' in measured('15', Made(stage4_controls=runs)).text


def test_15_says_how_many_of_each():
  finding = measured('15', Made(stage4_controls=controls(FAN_IN[:3])))
  assert (
    'fan_in: 3 of 6 diverge, 3 fail' in finding.text and 'he: 0 of 2' in finding.text
  )
  assert finding.text.startswith('within 2,000 steps at 5 times its learning rate')
  assert finding.number == 18 and finding.effect.value == 0.5


def test_15_initial_weights_that_fail_at_the_usual_rate_are_no_evidence():
  """They would not train with a lower rate either."""
  runs = controls(FAN_IN)
  for run in runs:
    if run.name.startswith('fan_in_x1_'):
      run.curves['test_accuracy'][:] = 0.1
  assert verdict('15', Made(stage4_controls=runs)) == CONTRADICTED
  for run in runs:
    if '_x1_' in run.name and not run.name.startswith('he'):
      run.curves['test_accuracy'][:] = 0.1
  finding = measured('15', Made(stage4_controls=runs))
  assert 'no other initial weights train' in finding.too_little


def test_the_table_says_what_became_of_each_run():
  text = stage_4.section(controls(FAN_IN[:1]))
  assert 'diverges between steps 10 and 20' in text
  assert 'stays at chance' in text and ' trains ' in text


def test_a_run_that_falls_back_is_said_so():
  (run, *_) = controls()
  run.curves['test_accuracy'][-5:] = 0.1
  assert stage_4._outcome(run) == 'falls back to chance'
