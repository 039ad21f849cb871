"""Draws how cost grows, from the JSON of results/benchmarks.

python scripts/benchmarks/figures.py     growth_NAME.png, of what has been measured

Straight lines are what proportion would give, from the largest value down: a curve
that leaves its line pays for something that does not grow with it.
"""

import json
from collections.abc import Sequence

import harness
import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt

TITLES = {
  'batch_size': 'mini-batch, images',
  'dataset.size': 'image side, pixels',
  'model.width': 'width',
}
POWERS = {'batch_size': 1, 'dataset.size': 2, 'model.width': 2}


def main() -> None:
  for name, draw in (('growth', draw_step), ('mnist_growth', draw_side_by_side),
                     ('parallel_growth', draw_devices)):  # fmt: skip
    path = harness.RESULTS / f'{name}.json'
    if not path.exists():
      print(f'not measured: {path.name}')
      continue
    measured = json.loads(path.read_text())
    draw(measured['table'])
    plt.gcf().supxlabel(f'{measured["device"]}, {measured["git_revision"]}', fontsize=6)
    plt.savefig(path.with_suffix('.png'), dpi=110)
    print(f'written: {path.with_suffix(".png")}')


def draw_step(rows: list[dict]) -> None:
  """Time and memory of a training step against what grows, one panel for each."""
  figure, all_axes = plt.subplots(1, 3, figsize=(11, 3.6), layout='constrained')
  for axes, what in zip(all_axes, TITLES):
    chosen = [row for row in rows if row['what'] == what]
    values = [row['value'] for row in chosen]
    for column, colour in (
      ('milliseconds a step', 'tab:blue'), ('temporary, MB', 'tab:orange'),
    ):  # fmt: skip
      _curve(
        axes, values, [row[column] for row in chosen], POWERS[what], colour, column
      )
    axes.set_xlabel(TITLES[what])
  all_axes[0].legend(fontsize=8)
  figure.suptitle('One training step of BN-x5: time and working memory')


def draw_side_by_side(rows: list[dict]) -> None:
  """Steps per second of all runs, against how many share a program."""
  figure, axes = plt.subplots(figsize=(5, 3.6), layout='constrained')
  for network, colour in (('batch_norm', 'tab:blue'), ('baseline', 'tab:orange')):
    chosen = [row for row in rows if row['network'] == network]
    runs = [row['runs'] for row in chosen]
    speeds = [row['steps/s of all'] for row in chosen]
    axes.plot(runs, speeds, 'o-', color=colour, label=network)
  axes.set(xlabel='runs side by side', ylabel='steps/s of all runs', xscale='log')
  axes.set_xticks(runs, map(str, runs))
  axes.minorticks_off()
  axes.set_ylim(0)
  axes.legend()
  figure.suptitle('Section 4.1: a sweep in one program')


def draw_devices(rows: list[dict]) -> None:
  """Time of a step of one mini-batch, against the devices that share it."""
  figure, axes = plt.subplots(figsize=(5, 3.6), layout='constrained')
  devices = [row['devices'] for row in rows]
  for column, colour in (('per device, ms', 'tab:blue'), ('global, ms', 'tab:orange')):
    milliseconds = [row[column] for row in rows]
    axes.plot(devices, milliseconds, 'o-', color=colour, label=column.split(',')[0])
  axes.set(xlabel='fake devices of one CPU', ylabel='milliseconds a step', xscale='log')
  axes.set_xticks(devices, map(str, devices))
  axes.minorticks_off()
  axes.set_ylim(0)
  axes.legend()
  figure.suptitle('One mini-batch split over devices')


def _curve(
  axes, x: Sequence[float], y: Sequence[float], power: int, colour: str, label: str
) -> None:
  """A curve with its line of proportion to x ** power, on logarithmic axes."""
  axes.plot(x, y, 'o-', color=colour, label=label)
  line = [y[-1] * (value / x[-1]) ** power for value in x]
  axes.plot(x, line, ':', color=colour, lw=1)
  axes.set(xscale='log', yscale='log')
  axes.set_xticks(x, [f'{value:g}' for value in x])
  axes.minorticks_off()


if __name__ == '__main__':
  main()
