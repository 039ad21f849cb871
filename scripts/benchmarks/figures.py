"""Draws how cost grows, from the JSON of results/benchmarks.

python scripts/benchmarks/figures.py

A PNG beside growth.json, mnist_growth.json and parallel_growth.json, if they are there.
Straight lines are what proportion would give, from the largest value down: a curve
that leaves its line pays for something that does not grow with it.
"""

import argparse
import json
from collections.abc import Sequence

import matplotlib
import page

matplotlib.use('Agg')

import matplotlib.pyplot as plt

from bn_repro.run import places

COLOURS = ('tab:blue', 'tab:orange')
# What grows in a training step: its axis, and the power in which cost would grow.
PANELS = {
  'batch_size': ('mini-batch, images', 1),
  'dataset.size': ('image side, pixels', 2),
  'model.width': ('width', 2),
}


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--results', default=str(page.RESULTS), help='their folder')
  results = places.parsed(parser, results=places.existing_folder).results
  for name, draw in (('growth', draw_step), ('mnist_growth', draw_side_by_side),
                     ('parallel_growth', draw_devices)):  # fmt: skip
    path = results / f'{name}.json'
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
  for axes, (what, (title, power)) in zip(all_axes, PANELS.items()):
    chosen = [row for row in rows if row['what'] == what]
    x = [row['value'] for row in chosen]
    for column, colour in zip(('milliseconds a step', 'temporary, MB'), COLOURS):
      y = [row[column] for row in chosen]
      axes.plot(x, y, 'o-', color=colour, label=column)
      proportional = [y[-1] * (value / x[-1]) ** power for value in x]
      axes.plot(x, proportional, ':', color=colour, lw=1)
    axes.set(xlabel=title, xscale='log', yscale='log')
    axes.set_xticks(x, [f'{value:g}' for value in x])
    axes.minorticks_off()
  all_axes[0].legend(fontsize=8)
  figure.suptitle('One training step of BN-x5: time and working memory')


def draw_side_by_side(rows: list[dict]) -> None:
  """Steps per second of all runs, against how many share a program."""
  speeds = {
    network: [row['steps/s of all'] for row in rows if row['network'] == network]
    for network in ('batch_norm', 'baseline')
  }
  runs = sorted({row['runs'] for row in rows})
  _draw(runs, speeds, 'runs side by side', 'steps/s of all runs')
  plt.suptitle('Section 4.1: a sweep in one program')


def draw_devices(rows: list[dict]) -> None:
  """Time of a step of one mini-batch, against the devices that share it."""
  milliseconds = {
    name: [row[f'{name}, ms'] for row in rows] for name in ('per device', 'global')
  }
  devices = [row['devices'] for row in rows]
  _draw(devices, milliseconds, 'fake devices of one CPU', 'milliseconds a step')
  plt.suptitle('One mini-batch split over devices')


def _draw(
  x: Sequence[int], curves: dict[str, list[float]], xlabel: str, ylabel: str
) -> None:
  """Two curves from zero up, over a logarithmic axis."""
  _, axes = plt.subplots(figsize=(5, 3.6), layout='constrained')
  for (label, y), colour in zip(curves.items(), COLOURS):
    axes.plot(x, y, 'o-', color=colour, label=label)
  axes.set(xlabel=xlabel, ylabel=ylabel, xscale='log')
  axes.set_xticks(x, map(str, x))
  axes.minorticks_off()
  axes.set_ylim(0)
  axes.legend()


if __name__ == '__main__':
  main()
