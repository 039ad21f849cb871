"""results/imagenette_cpu/README.md: two networks of section 4.2, made small."""

from pathlib import Path

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt

from bn_repro.report import collect, tables
from bn_repro.report.collect import Run
from bn_repro.report.figures import save

NAMES = {'inception': 'Inception', 'bn_x5': 'BN-x5'}
COLOURS = {'inception': 'tab:orange', 'bn_x5': 'tab:blue'}
# Validation accuracies that show the course; the paper's target is for 1000 classes.
LEVELS = (0.3, 0.4, 0.5, 0.6)
TEXT = """\
# Two networks of section 4.2 on ten classes, on two CPU cores

*Made by `scripts/report.py` from the files beside it; do not edit.*

A first sign of life and not a result of the paper: {dataset}, real photographs of
ten classes of ImageNet, at {size} pixels, {width:g} of the width of figure 5
({parameters} parameters), mini-batches of {batch}, {steps:,} steps ({length}).
**One seed each**, so nothing here has an error bar. Accuracy is on the 3,925 validation
images, one centre crop, with population statistics (algorithm 2). Each network has the
paper's learning rate and schedule for its name; neither was tuned for this size.

{table}

![Curves](curves.png)

Figure 3 has 72.2 % for Inception after 31 million steps, for BN-x5 after 2.1 million,
on 1000 classes at 224 pixels and full width. Here:
{finding}.

## Made again by

```
python scripts/sweep.py --sweep=configs/sweeps/imagenette_cpu.py \\
  --root=runs/imagenette_cpu/networks --jobs=2
python scripts/report.py --report=imagenette_cpu --root=runs/imagenette_cpu \\
  --results=results/imagenette_cpu
```

{origin}
`networks.json` holds both summaries (config, seed, versions, device, revision),
`networks_curves.csv` every evaluation.
"""


def write(results: Path) -> None:
  """Writes the README and the figure of `results` from its JSON and CSV files."""
  runs = collect.load(results, 'networks')
  draw(runs, results / 'curves.png')
  (results / 'README.md').write_text(text(runs))


def text(runs: list[Run]) -> str:
  """The README."""
  config, summary = runs[0].config, runs[0].summary
  parameters = sorted(run.summary['parameters'] for run in runs)
  return TEXT.format(
    dataset=config['dataset.name'],
    size=config['dataset.size'],
    width=config['model.width'],
    parameters=' and '.join(f'{number:,}' for number in parameters),
    batch=config['batch_size'],
    steps=summary['num_steps'],
    length=config['train_for'],
    table=headline(runs),
    finding=_finding({run.config['network']: run for run in runs}),
    origin=tables.origin(runs),
  )


def headline(runs: list[Run]) -> str:
  """Steps to some accuracies, best and final accuracy, and speed of each network."""
  head = (
    'network', 'learning rate', *(f'steps to {100 * level:g} %' for level in LEVELS),
    'best', 'final', 'on distorted training crops',
  )  # fmt: skip
  return tables.markdown(head, (_row(run) for name in NAMES for run in _of(runs, name)))


def _of(runs: list[Run], network: str) -> list[Run]:
  return [run for run in runs if run.config['network'] == network]


def _row(run: Run) -> list[str]:
  measure = lambda value: tables.over([run], lambda _: value)
  return [
    NAMES[run.config['network']],
    f'{run.config["learning_rate"]:g}',
    *(tables.steps(measure(run.steps_to(level))) for level in LEVELS),
    tables.percent(measure(run.summary['best_test_accuracy'])),
    tables.percent(measure(run.summary['final_test_accuracy'])),
    tables.percent(measure(run.curves['train_accuracy'][-1])),
  ]


def _finding(runs: dict[str, Run]) -> str:
  """One sentence, whichever network is ahead."""
  plain, normalized = runs['inception'], runs['bn_x5']
  target = float(plain.curves['test_accuracy'].max())
  reached = normalized.steps_to(target)
  if reached == float('inf'):
    return f"BN-x5 does not reach Inception's best, {target:.1%}, in as many steps"
  needed = plain.steps_to(target)
  return (
    f"BN-x5 passes Inception's best, {target:.1%}, by step {reached:,.0f}, for which\n"
    f'Inception needs {needed:,.0f}, {needed / reached:.1f} times as many (both are '
    'evaluated once an epoch)'
  )


def draw(runs: list[Run], path: Path) -> None:
  """Validation accuracy and training loss against steps."""
  figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout='constrained')
  for run in runs:
    network, steps = run.config['network'], run.curves['step']
    style = {'color': COLOURS[network], 'label': NAMES[network]}
    left.plot(steps, run.curves['test_accuracy'], 'o-', ms=3, **style)
    right.plot(steps, run.curves['train_loss'], 'o-', ms=3, **style)
  chance = 1 / runs[0].config['dataset.num_classes']
  left.axhline(chance, color='grey', ls=':', lw=1)
  left.annotate('chance', (0, chance), xytext=(3, 3), textcoords='offset points',
                fontsize=8, color='grey')  # fmt: skip
  left.set(title='validation accuracy, single crop', ylim=(0, None))
  right.set(title='training loss, before each evaluation')
  for axes in (left, right):
    axes.set_xlabel('training steps')
    axes.grid(alpha=0.3)
  left.legend(loc='upper left')
  config = runs[0].config
  figure.suptitle(
    f'{config["dataset.name"]} at {config["dataset.size"]} pixels, width '
    f'{config["model.width"]:g}, one seed each'
  )
  save(figure, path, runs)
