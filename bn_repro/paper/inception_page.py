"""results/inception/README.md: figures 2 and 3 of the paper and its ablation, small."""

import textwrap
from pathlib import Path

from bn_repro.paper import section_4_2_1_changes as changes
from bn_repro.paper import section_4_2_1_dropout as dropout
from bn_repro.paper import section_4_2_decay as decay
from bn_repro.paper import section_4_2_figure_3 as figure_3
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper import section_4_2_normalization as normalization
from bn_repro.paper import section_4_2_protocol as protocol
from bn_repro.paper import section_4_2_rates as rates
from bn_repro.paper import section_4_2_stage_2b as stage_2b
from bn_repro.paper import stages
from bn_repro.paper.section_4_2_networks import NAMES, PAPER, PLAIN
from bn_repro.report import collect, commands, pages, tables
from bn_repro.report.collect import Run
from bn_repro.run.errors import UserError

BEFORE = ('networks', 'decay', 'learning_rates', 'ablation', 'normalization')
SWEEPS = (*BEFORE, *stages.TITLES)
# All of their runs are of one length.
WITH_BUDGET = ('learning_rates', 'ablation', 'normalization')


def write(results: Path) -> None:
  """Writes the README and the figures of `results` from its JSON and CSV files."""
  sweeps = {name: collect.load(results, name) for name in SWEEPS}
  networks = family.by_network([*sweeps['decay'], *sweeps['networks']])
  compared = family.figure_3(sweeps.__getitem__)
  family.check_comparable(compared, results / 'networks.json')
  for name in WITH_BUDGET:
    family.check_one_length(sweeps[name], results / f'{name}.json')
  if PLAIN not in networks:
    raise UserError(f'no run of {PLAIN} in {results}/networks.json; train it first')
  everything = family.all_runs(sweeps)
  if_run = lambda sweep, section, *folder: (
    section(networks, sweeps[sweep], *folder) if sweeps[sweep] else ''
  )
  ladder = stages.if_whole(stage_2b.STAGE, sweeps[stage_2b.STAGE])
  text = pages.render(
    'inception_page', config=networks[PLAIN][0].config,
    images=family.VALIDATION_IMAGES,
    missing=[NAMES[network] for network in PAPER if network not in networks],
    sections=[
      stage_2b.section(ladder, results) if ladder else '',
      figure_3.section(compared, stage_2b.tuned_speed_ups(ladder), results),
      if_run('learning_rates', rates.section, results),
      decay.section(compared, results),
      if_run('ablation', changes.section, results),
      if_run('ablation', dropout.section, results),
      if_run('normalization', normalization.section),
      protocol.section(sweeps, results),
    ],
    left_out=_left_out(sweeps),
    hours=sum(run.summary['wall_seconds'] for run in everything) / 3600,
    origin=tables.origin(everything),
    commands=commands.block(*(commands.inception(n) for n in SWEEPS if sweeps[n])),
  )  # fmt: skip
  (results / 'README.md').write_text(text)


def _left_out(sweeps: dict[str, list[Run]]) -> list[str]:
  lines = []
  for name in BEFORE:
    listed = stages.runs_listed(name)
    if missing := sorted({*listed} - {run.name for run in sweeps[name]}):
      number = f'{len(missing)} of {len(listed)}'
      line = f'- `inception_{name}`, {number}: {", ".join(missing)}'
      lines.append(textwrap.fill(line, 88, subsequent_indent='  '))
  return lines
