"""results/inception/README.md: figures 2 and 3 of the paper and its ablation, small."""

import textwrap
from pathlib import Path

import numpy as np

from bn_repro import config as config_lib
from bn_repro.errors import UserError
from bn_repro.report import collect, commands, tables
from bn_repro.report.collect import Run
from bn_repro.report.inception import ablation, controls, decay, figure_3, figures
from bn_repro.report.inception.runs import (
  NAMES,
  PAPER,
  PLAIN,
  VALIDATION_IMAGES,
  by_network,
  is_cut,
)

SWEEPS = ('networks', 'decay', 'learning_rates', 'ablation', 'normalization')
INTRODUCTION = """\
# Figures 2 and 3: section 4.2.2 on ten classes

*Made by `scripts/report.py` from the files beside it; do not edit.*

The networks, recipes and protocol of the paper, made small: {setting}
(9,469 photographs of ten classes of ImageNet), {width:g} of the width of figure 5,
mini-batches of {batch} that are normalized in groups of {group}, crops as in section
4.2. The paper has 1000 classes at 224 pixels, full width and 1.28 million photographs;
no number below is comparable with one of its figures, only ratios are. Learning rates
are those of the paper, {rate:g} for the plain network. Each of the five networks trains
until its validation accuracy has not risen for a fifth of its steps, for {at_least} at
least. Accuracy is on {images:,} validation images, one centre crop, with population
statistics (algorithm 2), after every epoch; ± is the standard deviation over seeds,
intervals are of 95 %. A maximum is chosen on the images that it is measured on, as in
the paper. How far two maxima are apart has an interval from the spread between seeds,
pooled over the five networks; while each has one seed, from the number of images.
{missing}"""
ABLATION = """\
## The seven changes of section 4.2.1, one by one (claims 16 to 22)

Each added alone to BN-Baseline, and each taken back alone from BN-x5, which has them
all; what is shown is always what the change gives within {budget}. The target of the
steps is what the plain network reaches in them. The intervals take their spread from
whatever has several seeds, pooled, but the plain network. A change that "is not needed"
or "can be done" agrees where it costs less than one point, one that "trains faster"
where it takes fewer steps and does not cost a point; the gaps that dropout makes are
below. Steps are those of the seeds that both sides have, each to its own target, which
makes their intervals wide; where one side does not reach the target, its steps are
those of the whole budget at least. Of as many intervals of 95 % one may well miss by
chance.
{missing}
![Ablation](ablation.png)

{table}
"""
LEFT_OUT = """\
## What was left out

The runs above took {hours:.0f} h of one core; 48 h were meant for them. The sweeps ask
for these, too:

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
    UserError: there is no run of the plain network, to which all are compared, or
      none with a seed of another network.
  """
  of_sweep = {name: collect.load(results, name) for name in SWEEPS}
  networks = by_network(of_sweep['networks'])
  if PLAIN not in networks:
    raise UserError(f'no run of {PLAIN} in {results}/networks.json; it sets the target')
  figures.figure_2(networks, results / 'figure2.png')
  parts = [_introduction(networks), figure_3.text(networks)]
  parts.append(decay.text(networks, of_sweep['decay'], results))
  if of_sweep['learning_rates']:
    parts.append(controls.rates(networks, of_sweep['learning_rates'], results))
  if effects := ablation.effects(networks, of_sweep['ablation']):
    runs = [*of_sweep['networks'], *of_sweep['ablation']]
    figures.ablation(effects, results / 'ablation.png', runs)
    parts.append(ABLATION.format(
      budget=_budget(of_sweep), table=ablation.table(effects),
      missing=_missing_effects(effects),
    ))  # fmt: skip
  parts.append(controls.overfitting(networks, of_sweep['ablation'], results))
  if of_sweep['normalization']:
    parts.append(controls.normalization(networks, of_sweep['normalization']))
  everything = [run for runs in of_sweep.values() for run in runs]
  parts += [_left_out(of_sweep), tables.origin(everything), _commands(of_sweep)]
  (results / 'README.md').write_text('\n'.join(filter(None, parts)))


def headline(networks: list[Run], *others: list[Run]) -> str:
  """The table of the project's README: figure 3."""
  return figure_3.table(by_network(networks))


def _introduction(networks) -> str:
  config = networks[PLAIN][0].config
  return INTRODUCTION.format(
    setting=f'{config["dataset.name"]} at {config["dataset.size"]} pixels',
    width=config['model.width'], batch=config['batch_size'],
    group=config['model.normalization_group'], rate=config['learning_rate'],
    images=VALIDATION_IMAGES, at_least=config['train_at_least'],
    missing=_missing(networks) + _cut(networks),
  )  # fmt: skip


def _missing(networks: dict[str, list[Run]]) -> str:
  """Which networks of figure 3 no run was collected of; '' if none is missing."""
  names = [NAMES[network] for network in PAPER if network not in networks]
  return f'\n**Not trained yet:** {", ".join(names)}.\n' if names else ''


def _missing_effects(effects: list[ablation.Effect]) -> str:
  """How much of the ablation is still to be run; '' if nothing is."""
  whole, notes = 2 * len(ablation.CHANGES), []
  if len(effects) < whole:
    notes.append(f'Only {len(effects)} of {whole} have been run.')
  if np.isnan([effect.accuracy.low for effect in effects]).all():
    notes.append('Without other seeds of the networks there are no intervals yet.')
  return f'\n**{" ".join(notes)}**\n' if notes else ''


def _cut(networks: dict[str, list[Run]]) -> str:
  """Which runs ended because `train_for` did, with patience left; '' if none."""
  names = [
    f'{NAMES[network]}, seed {run.config["seed"]} (after {run.config["train_for"]})'
    for network, runs in networks.items()
    for run in runs
    if is_cut(run)
  ]
  if not names:
    return ''
  ended = '**Ended before patience did, the maximum perhaps still ahead:**'
  return f'\n{ended} {"; ".join(names)}.\n'


def _left_out(of_sweep: dict[str, list[Run]]) -> str:
  """What the sweeps ask for and was not run, by sweep; '' if nothing is missing."""
  lines = []
  for name, runs in of_sweep.items():
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


def _budget(of_sweep) -> str:
  return of_sweep['ablation'][0].config['train_for']


def _commands(of_sweep) -> str:
  lines = (commands.inception(name) for name, runs in of_sweep.items() if runs)
  return COMMANDS.format(commands=commands.block(*lines))
