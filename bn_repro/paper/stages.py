"""The stages of results/inception/protocol.md, and the claims that each decides.

A stage is analysed when all of its runs are there, and not before. Until then a claim
is decided by the earlier runs of section 4.2.
"""

import dataclasses
from types import ModuleType

from bn_repro.paper import ledger
from bn_repro.paper.ledger import Claim, Evidence, Missing, runs_if_any
from bn_repro.report import commands
from bn_repro.report.collect import Run
from bn_repro.run import config as config_lib

TITLES = {
  'stage1_networks': '1: the networks of figure 3 to three seeds',
  'stage1_again': '1b: their first seeds again, under the protocol',
  'stage2_rates': '2a: the best learning rate of each side',
  'stage2_ladder': '2b: both sides at their best learning rate',
  'stage3_pilot': '3, pilot: the weight of the L2 penalty',
  'stage3_changes': '3: the seven changes in 32 runs',
  'stage4_controls': '4: initial weights and sigmoids without BN',
}


def sweep_of(name: str) -> ModuleType:
  """A file of configs/sweeps of section 4.2, executed anew."""
  return config_lib.execute(config_lib.PROJECT / commands.sweep_file(name))


def runs_listed(sweep: str) -> list[str]:
  """The names of all runs that a sweep of section 4.2 asks for."""
  return [name for name, *_ in sweep_of(sweep).get_runs()]


def if_whole(stage: str, runs: list[Run]) -> list[Run]:
  """The runs that a stage asks for, in the order given; [] unless all are there."""
  listed = {*runs_listed(stage)}
  chosen = [run for run in runs if run.name in listed]
  return chosen if len(chosen) == len(listed) else []


def whole(evidence: Evidence, stage: str) -> list[Run]:
  """The runs of a stage; [] unless all of them are there."""
  listed = len(runs_listed(stage))
  return if_whole(stage, runs_if_any(evidence, 'inception', stage, listed))


def needed(evidence: Evidence, stage: str) -> list[Run]:
  """The runs of a stage; raises `Missing` unless all of them are there."""
  if not (runs := whole(evidence, stage)):
    raise Missing(f'inception/{stage}.json with all runs of its sweep')
  return runs


def decided_by_its_stage(claim: Claim) -> Claim:
  """A claim in the words, with the margin and by the command of its stage."""
  stage = claim.again['stage']
  return dataclasses.replace(
    claim, **ledger.made_by([stage]), withheld='', again={}, **claim.again
  )
