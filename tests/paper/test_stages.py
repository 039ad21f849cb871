"""A whole stage of the protocol decides its claims, half a stage none."""

import pytest
from paper.claims_made import CLAIMS, Made, measured
from paper.stages_made import listed, stage_runs

from bn_repro.paper import claims as claims_lib
from bn_repro.paper import ledger, stages

DECIDED = {key: claim for key, claim in CLAIMS.items() if claim.again}


def test_the_claims_that_stages_decide_are_those_of_the_protocol():
  by_stage = {}
  for key, claim in DECIDED.items():
    by_stage.setdefault(claim.again['stage'], []).append(key)
  assert by_stage == {
    'stage4_controls': ['14', '15'],
    'stage3_changes': ['17a', '17b', '18', '19', '20', '21', '22'],
  }  # fmt: skip
  assert claims_lib.MEASURES_OF_STAGES.keys() == DECIDED.keys()


@pytest.mark.parametrize('key', DECIDED)
def test_a_claim_goes_over_to_its_stage_when_that_is_whole(key):
  claim = DECIDED[key]
  stage = claim.again['stage']
  runs = stage_runs(stage)
  assert claims_lib.decided(claim, Made(**{stage: runs[:-1]})) == claim
  now = claims_lib.decided(claim, made := Made(**{stage: runs}))
  assert now.stage == stage and now.withheld == '' and now.effect != claim.effect
  assert now.experiment == f'configs/sweeps/inception_{stage}.py'
  assert f'--root=runs/inception/{stage}' in now.command
  finding = measured(key, made)
  assert finding.effect is not None and finding.text
  assert claims_lib.computed_by(now) != claims_lib.computed_by(claim)


def test_a_claim_keeps_what_the_paper_says():
  """Number, words and the paper's value are no matter of which runs decide."""
  for claim in DECIDED.values():
    now = stages.decided_by_its_stage(claim)
    for field in ('number', 'part', 'claim', 'paper', 'primary', 'section'):
      assert getattr(now, field) == getattr(claim, field)


def test_not_needed_is_no_loss_in_the_protocol_and_an_equivalence_before():
  for key in ('19', '20'):
    now = stages.decided_by_its_stage(CLAIMS[key])
    assert (CLAIMS[key].side, CLAIMS[key].margin) == (ledger.WITHIN, 1)
    assert (now.side, now.margin) == (ledger.ABOVE, -1)


def test_runs_that_a_stage_does_not_ask_for_do_not_count():
  """Neither in place of one that it asks for nor beside them all."""
  runs = stage_runs('stage2_rates')
  other = runs[0]._replace(name='another')
  assert stages.if_whole('stage2_rates', [other, *runs[1:]]) == []
  assert stages.if_whole('stage2_rates', [other, *runs]) == runs


@pytest.mark.parametrize('stage', stages.TITLES)
def test_a_stage_is_whole_with_all_runs_of_its_sweep(stage):
  assert stages.runs_listed(stage) == [name for name, *_ in listed(stage)]
  assert len(set(stages.runs_listed(stage))) == len(stages.runs_listed(stage))
