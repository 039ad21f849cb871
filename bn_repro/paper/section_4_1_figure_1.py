"""results/mnist/README.md: the paper's section 4.1 beside our numbers."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bn_repro.paper import section_4_1_grid as grid
from bn_repro.paper.ledger import Evidence, Finding, Measure, variants
from bn_repro.report import collect, commands, effects, figures, tables
from bn_repro.report.collect import Run
from bn_repro.report.seeds import final
from bn_repro.run.percentiles import PERCENTILES

SWEEPS = ('figure1', 'grid')
NETWORKS = {'baseline': 'without BN', 'batch_norm': 'with BN'}
CHOICES = {
  'learning_rate': 'the paper names none; the grid below shows what others do',
  'momentum': 'plain SGD: the paper says nothing of momentum for this network',
  'model.init_std': 'the paper says "small"; the grid has a smaller and a larger one',
  'model.epsilon': 'not in the paper; as in later code of its authors',
  'model.decay': 'of the moving average, which no number below depends on',
  'dataset.threshold': 'the paper says "binary"; a pixel is on above this brightness',
  'population_batches': 'training mini-batches averaged by algorithm 2',
  'tracked_unit': 'the unit of figure 1 (b, c), named before any run',
  'evaluate_every': 'how finely "steps to" is known',
}
INTRODUCTION = """\
# MNIST, section 4.1

*Made by `scripts/report.py` from the files beside it; do not edit.*

Three fully connected layers of 100 sigmoid units on 28x28 binary images, {steps:,}
steps of 60 examples. Accuracy is on the 10,000 test images, with population
statistics (algorithm 2); ± is the standard deviation over seeds. "Best" is the
highest of all evaluations of a run and so is chosen on the test set.
"""
PAPER = """\
## What the paper says

Section 4.1 prints no numbers. Its words, shortened, and what was measured:

{claims}

{table}

![Figure 1](figure1.png)

(a) mean over {seeds} seeds, the band spans them; (b, c) seed 0, unit {unit} of the
last hidden layer, over the test set, in inference mode.
"""
DRIFT = """\
### How far the percentiles move (claim 2)

Over all 100 units of the last hidden layer, from step 0 to the end: the distance
between the largest and the smallest value that a percentile takes, on average over
units (range), and the same in units of the distance between the 15th and the 85th
percentile of that unit at the end (relative).

{table}
"""
GRID = """\
## The gap depends on learning rate and initial weights

{runs} runs: learning rate x standard deviation of the initial weights x both
networks x {seeds} seeds, {steps:,} steps, evaluated every {every}.

![Grid](grid.png)

{claims}

### Best setting of each network

{best}

### Steps to the best accuracy of the other network

The target is the mean best accuracy of the other network's best setting; the
setting is the one that reaches it in the fewest steps with every seed.

{crossing}

### At equal learning rate and initial deviation

Difference (BN - no BN) in percentage points, mean over seeds.

{difference}

### Where training fails (claims 16 and 27)

{failures}

### All settings

Without BN:

{plain}

With BN:

{normalized}
"""
COMMANDS = """\
## Made again by

```
{commands}
python scripts/report.py --root=runs/mnist --results=results/mnist
```

One seed of the first table's rows, and of a row of the grid:

```
python -m bn_repro --config=configs/mnist.py:baseline --workdir=runs/a --config.seed=0
python -m bn_repro --config=configs/mnist.py:batch_norm --workdir=runs/b --config.seed=0
python -m bn_repro --config=configs/mnist.py:batch_norm --workdir=runs/c \\
  --config.seed=0 --config.learning_rate=1.0 --config.model.init_std=0.01
```

Files: `figure1.json` and `grid.json` hold the summary of every run (config, seed,
versions, device, revision), `*_curves.csv` every evaluation.
"""


def write(results: Path) -> None:
  """Writes the README and the figures of `results` from its JSON and CSV files."""
  runs, of_grid = collect.load(results, 'figure1'), collect.load(results, 'grid')
  figures.figure_1(runs, results / 'figure1.png')
  if of_grid:
    figures.figure_grid(of_grid, results / 'grid.png')
  (results / 'README.md').write_text(text(runs, of_grid))


def text(runs: list[Run], of_grid: list[Run]) -> str:
  """The README, from the runs of figure 1 and of the grid (which may be [])."""
  steps = runs[0].summary['num_steps']
  parts = [INTRODUCTION.format(steps=steps), _paper(runs), _drift(runs), _choices(runs)]
  if of_grid:
    parts.append(_grid(of_grid))
  parts += [tables.origin([*runs, *of_grid]), _commands(bool(of_grid))]
  return '\n'.join(parts)


def headline(runs: list[Run], of_grid: list[Run]) -> str:
  """The tables of the project's README: figure 1, and the claims of the grid."""
  of_network = grid.settings(of_grid)
  claims = grid.claims_table(of_network['baseline'], of_network['batch_norm'])
  return f'{network_table(runs)}\n\n{claims}'


def network_table(runs: list[Run]) -> str:
  """Steps to the targets, final and best accuracy of each network."""
  targets = runs[0].config['targets']
  return tables.markdown(
    (
      'network',
      'seeds',
      *(f'steps to {100 * target:g} %' for target in targets),
      'final accuracy',
      'best accuracy',
    ),
    (_network_row(network, group, targets) for network, group in _networks(runs)),
  )


def _networks(runs: list[Run]) -> Iterable[tuple[str, list[Run]]]:
  return ((name, group) for (name,), group in tables.group_by(runs, 'network').items())


def _network_row(network, group, targets):
  return (
    NETWORKS[network],
    str(len(group)),
    *(tables.steps_to(group, accuracy) for accuracy in targets),
    tables.percent(tables.over(group, lambda run: run.summary['final_test_accuracy'])),
    tables.percent(tables.over(group, lambda run: run.summary['best_test_accuracy'])),
  )


def _paper(runs: list[Run]) -> str:
  groups = dict(_networks(runs))
  claims = {
    'Claim 1: the network with BN reaches higher test accuracy': _end(groups),
    'Claim 1: it trains faster': _speed_up(groups),
    'Claim 2: the inputs of a sigmoid are far more stable over training': _steadiness(
      groups
    ),
  }
  return PAPER.format(
    claims=tables.markdown(('claim', 'measured'), claims.items()),
    table=network_table(runs), seeds=len(groups['baseline']),
    unit=runs[0].config['tracked_unit'],
  )  # fmt: skip


def _end(groups: dict[str, list[Run]]) -> str:
  """Whether the seeds of the two networks can be told apart at the end."""
  plain, normalized = (
    tables.over(groups[name], lambda run: run.summary['final_test_accuracy'])
    for name in ('baseline', 'batch_norm')
  )
  if normalized.min() > plain.max():
    return 'every seed with BN ends above every seed without'
  return 'the seeds of the two networks overlap at the end'


def _speed_up(groups: dict[str, list[Run]]) -> str:
  """Ratios of the mean steps to each target."""
  ratios = []
  for target in groups['baseline'][0].config['targets']:
    plain, normalized = (
      tables.over(groups[name], lambda run, t=target: run.steps_to(t)).mean()
      for name in ('baseline', 'batch_norm')
    )
    ratios.append(f'{plain / normalized:.1f} times fewer to {100 * target:g} %')
  return f'steps: {", ".join(ratios)}'


def _steadiness(groups: dict[str, list[Run]]) -> str:
  plain, normalized = (
    _drifts(groups[name], '50', 'relative').mean()
    for name in ('baseline', 'batch_norm')
  )
  return (
    f'the median moves {plain / normalized:.1f} times less, relative to the spread '
    'of the inputs'
  )


def _drifts(group: list[Run], percentile: str, measure: str) -> np.ndarray:
  return tables.over(
    group, lambda run: run.summary['percentile_drift'][percentile][measure]
  )


def _drift(runs: list[Run]) -> str:
  rows = [
    (
      NETWORKS[network],
      f'{percentile}th',
      *(
        f'{values.mean():.2f} ± {values.std(ddof=1):.2f}'
        for measure in ('range', 'relative')
        for values in [_drifts(group, percentile, measure)]
      ),
    )
    for network, group in _networks(runs)
    for percentile in map(str, figures.PERCENTILES)
  ]
  head = ('network', 'percentile', 'range', 'relative')
  return DRIFT.format(table=tables.markdown(head, rows))


def _choices(runs: list[Run]) -> str:
  config = runs[0].config
  rows = [(f'`{f}`', str(config[f]), why) for f, why in CHOICES.items()]
  table = tables.markdown(('field', 'value', 'our choice'), rows)
  return f'### What the paper does not state\n\n{table}\n'


def _grid(runs: list[Run]) -> str:
  of_network = grid.settings(runs)
  plain, normalized = of_network['baseline'], of_network['batch_norm']
  return GRID.format(
    runs=len(runs),
    seeds=len(plain[0].runs),
    steps=runs[0].summary['num_steps'],
    every=runs[0].config['evaluate_every'],
    claims=grid.claims_table(plain, normalized),
    best=grid.best_table(plain, normalized),
    crossing=grid.crossing_table(plain, normalized),
    difference=grid.difference_table(plain, normalized),
    failures=_failures(plain, normalized),
    plain=grid.accuracy_table(plain),
    normalized=grid.accuracy_table(normalized),
  )


def _failures(plain, normalized) -> str:
  last = grid.STEPS[-1]
  measures = {
    'some seed diverged': lambda s: any(run.summary['diverged'] for run in s.runs),
    'some seed never left chance': lambda s: (s.best() < grid.CHANCE).any(),
    'every seed ends above 90 %': lambda s: (s.at(last) > 0.9).all(),
    'every seed ends above 95 %': lambda s: (s.at(last) > 0.95).all(),
    'every seed ends above 97 %': lambda s: (s.at(last) > 0.97).all(),
  }
  return tables.markdown(
    ('', 'without BN', 'with BN'),
    (
      (name, grid.count(plain, holds), grid.count(normalized, holds))
      for name, holds in measures.items()
    ),
  )


def _commands(has_grid: bool) -> str:
  names = ['figure1', 'grid'][: 1 + has_grid]
  sweeps = (commands.sweep(f'sweeps/mnist_{name}', f'mnist/{name}') for name in names)
  return COMMANDS.format(commands=commands.block(*sweeps))


def _both(evidence: Evidence) -> list[list[Run]]:
  """Runs of figure 1 without BN and with it, seed by seed."""
  return variants(evidence, 'mnist', 'figure1', 'baseline', 'batch_norm')


def trains_faster(evidence: Evidence) -> Finding:
  """Claim 1, first half."""
  plain, normalized = _both(evidence)
  steps = [
    tables.over(runs, lambda r: r.steps_to(0.95)) for runs in (plain, normalized)
  ]
  effect = effects.of_ratios(steps[0] / steps[1])
  return Finding(
    effect, len(plain), 'seeds',
    f'BN reaches 95 % in {effect.text()} times fewer steps',
    runs=plain + normalized,
  )  # fmt: skip


def ends_higher(evidence: Evidence) -> Finding:
  """Claim 1, second half."""
  plain, normalized = _both(evidence)
  effect = effects.of_values(100 * (final(normalized) - final(plain)))
  return Finding(
    effect, len(plain), 'seeds',
    f'{effect.text("{:+.2f}", " points")} of test accuracy after '
    '50,000 steps',
    runs=plain + normalized,
  )  # fmt: skip


def steadier(evidence: Evidence) -> Finding:
  """Claim 2."""
  plain, normalized = _both(evidence)
  relative = {p: _drift_ratio(plain, normalized, p, 'relative') for p in PERCENTILES}
  absolute = {p: _drift_ratio(plain, normalized, p, 'range') for p in PERCENTILES}
  least = min(relative.values(), key=lambda effect: effect.low)
  return Finding(
    least, len(plain), 'seeds',
    f'without BN the inputs drift more, relative to their spread: '
    f'{_by_percentile(relative)}; in absolute terms, as the figure shows it: '
    f'{_by_percentile(absolute)}',
    runs=plain + normalized,
  )  # fmt: skip


def _drift_ratio(plain: list, normalized: list, percentile: int, kind: str):
  """How far a percentile moves over training without BN, over that with it."""
  drift = lambda run: run.summary['percentile_drift'][str(percentile)][kind]
  return effects.of_ratios(tables.over(plain, drift) / tables.over(normalized, drift))


def _by_percentile(ratios: dict) -> str:
  return ', '.join(
    f'{percentile}th percentile {effect.text()} times'
    for percentile, effect in ratios.items()
  )


CLAIMS: dict[str, Measure] = {'1a': trains_faster, '1b': ends_higher, '2': steadier}
