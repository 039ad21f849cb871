"""Runs of the protocol are counted; a whole stage says what was put in."""

import pytest
from paper.stages_made import stage_runs

from bn_repro.paper import section_4_2_protocol as protocol
from bn_repro.paper import stages


@pytest.mark.parametrize('stage', protocol.WRITERS)
def test_half_a_stage_is_counted_and_a_whole_one_estimated(stage, tmp_path):
  runs = stage_runs(stage)
  half = protocol.section({stage: runs[: len(runs) // 2]}, tmp_path)
  assert f'{len(runs) // 2} of {len(runs)}' in half and '### Stage' not in half
  whole = protocol.section({stage: runs}, tmp_path)
  assert f'### Stage {stages.TITLES[stage]}' in whole
  shown = [line for line in whole.splitlines() if line.startswith('![')]
  assert all((tmp_path / line.split('(')[1][:-1]).exists() for line in shown)


def test_without_runs_there_is_no_section(tmp_path):
  assert protocol.section({}, tmp_path) == ''
