"""Trains the quickstart's six runs, prints their table and draws figure 1.

bash scripts/quickstart.sh sets up the environment and calls this.
"""

from pathlib import Path

from project import PROJECT

from bn_repro.paper import section_4_1_figure_1 as mnist
from bn_repro.report import collect
from bn_repro.run import devices, exits
from bn_repro.training.sweep import run_sweep

SWEEP = PROJECT / 'configs' / 'sweeps' / 'quickstart.py'
ROOT = Path('runs') / 'quickstart'
NEXT = """\
Next, with the environment (source .venv/bin/activate):
  tensorboard --logdir {root}
  python -m bn_repro --config=configs/mnist.py:batch_norm --describe
  python -m bn_repro --config=configs/mnist.py:batch_norm --workdir=runs/mine \\
    --config.dataset.name=digits --config.learning_rate=2.0 --config.seed=7"""


def quickstart() -> None:
  """Trains the runs that are not finished, and shows all of them."""
  run_sweep(SWEEP, ROOT, jobs=len(devices.cores()))
  report = ROOT / 'report'
  collect.collect(ROOT, report, 'quickstart')
  runs = collect.load(report, 'quickstart')
  mnist.figure_1(runs, report / 'figure1.png')
  show(runs, report)


def show(runs: list[collect.Run], report: Path) -> None:
  """Prints the table, the files that were made and what to try next."""
  config = runs[0].config
  print(
    f'\nEmbedded digits (scikit-learn, 8x8 {config["dataset.pixels"]}, not MNIST), '
    f'{runs[0].summary["num_steps"]:,} steps of {config["batch_size"]}, learning rate '
    f'{config["learning_rate"]}:\n\n{mnist.network_table(runs)}\n'
  )
  print('Made:')
  for path in (*sorted(report.iterdir()), *(ROOT / run.name for run in runs)):
    print(f'  {path}')
  print(NEXT.format(root=ROOT))


if __name__ == '__main__':
  exits.exit_after(quickstart)
