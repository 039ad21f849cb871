"""results/inception/README.md: figures 2 and 3 of the paper and its ablation, small."""

import textwrap
from pathlib import Path

from bn_repro.paper import section_4_2_1_changes as ablation
from bn_repro.paper import section_4_2_1_figures as figures_of_changes
from bn_repro.paper import section_4_2_controls as controls
from bn_repro.paper import section_4_2_decay as decay
from bn_repro.paper import section_4_2_figure_2 as figures
from bn_repro.paper import section_4_2_figure_3 as figure_3
from bn_repro.paper import section_4_2_protocol as protocol
from bn_repro.paper.section_4_2_networks import (
  NAMES,
  PAPER,
  PLAIN,
  SLOW_DECAY,
  VALIDATION_IMAGES,
  by_network,
  check_comparable,
  check_one_length,
  with_slow_decay,
)
from bn_repro.report import collect, commands, tables
from bn_repro.report.collect import Run
from bn_repro.report.intervals import Spread
from bn_repro.report.tables import rounded
from bn_repro.run import config as config_lib
from bn_repro.run.errors import UserError

BEFORE = ('networks', 'decay', 'learning_rates', 'ablation', 'normalization')
SWEEPS = (*BEFORE, *protocol.STAGES)
# All of their runs are of one length.
WITH_BUDGET = ('learning_rates', 'ablation', 'normalization')
HERE = Path(__file__).parent
INTRODUCTION = """\
# Figures 2 and 3: section 4.2.2 on ten classes

*Made by `scripts/report.py` from the files beside it; do not edit.*

The networks and recipes of the paper, made small: {setting} (9,469 photographs of ten
classes of ImageNet), {width:g} of the width of figure 5, mini-batches of {batch} that
are normalized in groups of {group}, crops as in section 4.2. Learning rates are those
of the paper, {rate:g} for Inception. Accuracy is on {images:,} validation images, one
centre crop, with population statistics (algorithm 2), after every epoch. Intervals are
of 95 %.
{missing}"""
ABLATION = """\
## The seven changes of section 4.2.1, one by one (claims 16 to 22)

Each added alone to BN-Baseline, and each taken back alone from BN-x5, which has them
all; what is shown is always what the change gives. Accuracy is the mean over the last
tenth of {budget}. The spread between seeds is pooled over the settings with several
seeds: {spread}. {odd}
{missing}
![Ablation](ablation.png)

{table}

Without correction for multiple comparisons; claims.md has Holm's. Within {budget} some
of these changes have hardly an effect to show: the L2 penalty shrinks the weights by
0.3 to 7 %, where over the paper's training it would by 95 % and more, and each image is
seen twenty times, not hundreds.
"""
LEFT_OUT = """\
## What was left out

The runs above took {hours:.0f} h of one core. The sweeps ask for these, too:

{names}
"""
COMMANDS = """\
## Made again by

```
{commands}
python scripts/report.py --report=inception --root=runs/inception \\
  --results=results/inception
```

A run of its own, such as the first: `python -m bn_repro
--config=configs/inception.py:imagenette_160 --workdir=runs/one` with the overrides of
`configs/sweeps/inception_networks.py`. The JSON files hold the summary of every run
(config, seed, versions, device, revision), the CSV files every evaluation.
"""


def write(results: Path) -> None:
  """Writes the README and the figures of `results` from its JSON and CSV files.

  Raises:
    UserError: there is no run of the plain network, to which all are compared, or a
      curve is damaged.
  """
  of_sweep = {name: collect.load(results, name) for name in SWEEPS}
  networks = networks_of(
    [*of_sweep['networks'], *of_sweep['stage1_networks']], of_sweep['decay']
  )
  check_comparable(networks, results / 'networks.json')
  for name in WITH_BUDGET:
    check_one_length(of_sweep[name], results / f'{name}.json')
  if PLAIN not in networks:
    raise UserError(f'no run of {PLAIN} in {results}/networks.json; train it first')
  figures.figure_2(networks, results / 'figure2.png')
  figures.speed_ups(networks, results / 'speed_up.png')
  figures.runtimes(networks, results / 'runtimes.png')
  parts = [_introduction(networks), figure_3.text(networks)]
  if of_sweep['learning_rates']:
    parts.append(controls.rates(networks, of_sweep['learning_rates'], results))
  parts.append(decay.text(networks, results))
  parts.append(_ablation(networks, of_sweep['ablation'], results))
  parts.append(controls.overfitting(networks, of_sweep['ablation'], results))
  if of_sweep['normalization']:
    parts.append(controls.normalization(networks, of_sweep['normalization']))
  parts.append(protocol.text(of_sweep))
  parts.append((HERE / 'deviations.md').read_text())
  everything = [run for runs in of_sweep.values() for run in runs]
  parts += [_left_out(of_sweep), tables.origin(everything), _commands(of_sweep)]
  (results / 'README.md').write_text('\n'.join(filter(None, parts)))


def networks_of(runs: list[Run], slow_decay: list[Run]) -> dict[str, list[Run]]:
  """The networks of figure 3, and BN-x5 with the slow decay if it was run."""
  is_slow = lambda run: run.name.startswith(SLOW_DECAY)
  slow = [*slow_decay, *filter(is_slow, runs)]
  return with_slow_decay(by_network([run for run in runs if not is_slow(run)]), slow)


def headline(
  networks: list[Run], slow_decay: list[Run], rates: list[Run], *others: list[Run]
) -> str:
  """What the project's README shows: figure 3, and both sides at their best rate."""
  runs = networks_of(networks, slow_decay)
  best_rates = f'\n\n{controls.best_rates(runs, rates)}' if rates else ''
  return figure_3.table(runs) + best_rates


def _ablation(networks, runs: list[Run], results: Path) -> str:
  """The section on the seven changes; draws its figure, too. '' without runs."""
  found = ablation.ablation(networks, runs)
  if found is None:
    return ''
  figures_of_changes.ablation(found, results / 'ablation.png', runs)
  titles = ablation.missing(found)
  missing = f'\n**Not run in both settings: {", ".join(titles)}.**\n' if titles else ''
  return ABLATION.format(
    budget=runs[0].config['train_for'], table=ablation.table(found), missing=missing,
    spread=_spread(found.spreads.accuracy), odd=_odd_pair(found),
  )  # fmt: skip


def _spread(spread: Spread) -> str:
  if not spread.freedom:
    return 'unknown, as no setting has two seeds'
  points = 100 * spread.deviation
  return f'{points:.2f} points, {spread.freedom} degrees of freedom'


def _odd_pair(found: ablation.Ablation) -> str:
  """How much of the pooled spread is one setting, where that is more than half."""
  setting, share, rest = ablation.largest_part(found)
  if not share > 0.5:
    return ''
  return (
    f'{rounded(share, 0)} of its sum of squares\nis one setting, {setting}; without it '
    f'the spread is {100 * rest:.2f} points.'
  )


def _introduction(networks) -> str:
  config = networks[PLAIN][0].config
  return INTRODUCTION.format(
    setting=f'{config["dataset.name"]} at {config["dataset.size"]} pixels',
    width=config['model.width'], batch=config['batch_size'],
    group=config['model.normalization_group'], rate=config['learning_rate'],
    images=VALIDATION_IMAGES, missing=_missing(networks),
  )  # fmt: skip


def _missing(networks: dict[str, list[Run]]) -> str:
  """Which networks of figure 3 no run was collected of; '' if none is missing."""
  names = [NAMES[network] for network in PAPER if network not in networks]
  return f'\n**Not trained yet:** {", ".join(names)}.\n' if names else ''


def _left_out(of_sweep: dict[str, list[Run]]) -> str:
  """What the sweeps ask for and was not run, by sweep; '' if nothing is missing."""
  lines = []
  for name in BEFORE:
    runs = of_sweep[name]
    path = config_lib.PROJECT / commands.inception_sweep(name)
    asked = [run for run, *_ in config_lib.execute(path).get_runs()]
    missing = sorted({*asked} - {run.name for run in runs})
    if missing:
      number = f'{len(missing)} of {len(asked)}'
      line = f'- `{path.stem}`, {number}: {", ".join(missing)}'
      lines.append(textwrap.fill(line, 88, subsequent_indent='  '))
  everything = (run for runs in of_sweep.values() for run in runs)
  hours = sum(run.summary['wall_seconds'] for run in everything) / 3600
  return LEFT_OUT.format(hours=hours, names='\n'.join(lines)) if lines else ''


def _commands(of_sweep) -> str:
  lines = (commands.inception(name) for name, runs in of_sweep.items() if runs)
  return COMMANDS.format(commands=commands.block(*lines))
