"""Section 4.2 by results/inception/protocol.md: its runs, and what whole stages say.

Half a stage is counted, and gives no estimate. Stage 1 adds seeds to the networks of
figure 3, which `section_4_2_comparison` compares; stage 2b has a section of its own.
"""

from pathlib import Path

from bn_repro.paper import section_4_2_1_stage_3 as stage_3
from bn_repro.paper import section_4_2_stage_2a as stage_2a
from bn_repro.paper import section_4_2_stage_4 as stage_4
from bn_repro.paper import stages
from bn_repro.report import pages, tables
from bn_repro.report.collect import Run

WRITERS = {
  stage_2a.STAGE: stage_2a.section,
  stage_3.PILOT: lambda runs, _: stage_3.pilot(runs),
  stage_3.STAGE: stage_3.section,
  stage_4.STAGE: lambda runs, _: stage_4.section(runs),
}


def section(sweeps: dict[str, list[Run]], results: Path) -> str:
  """The text, '' before the first run of any stage; draws figures into the folder."""
  runs = {stage: sweeps.get(stage, []) for stage in stages.TITLES}
  if not any(runs.values()):
    return ''
  listed = {stage: len(stages.runs_listed(stage)) for stage in stages.TITLES}
  rows = [
    [title, f'{len(runs[stage])} of {listed[stage]}']
    for stage, title in stages.TITLES.items()
  ]
  estimates = {
    stages.TITLES[stage]: write(whole, results)
    for stage, write in WRITERS.items()
    if (whole := stages.if_whole(stage, runs[stage]))
  }
  return pages.render(
    'section_4_2_protocol',
    table=tables.markdown(('stage', 'runs'), rows), estimates=estimates,
  )  # fmt: skip
