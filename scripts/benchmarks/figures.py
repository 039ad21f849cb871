"""Draws how cost grows, from the JSON of results/benchmarks.

python scripts/benchmarks/figures.py

A PNG beside growth.json, mnist_growth.json and parallel_growth.json, if they are
there; growth.png has the curves of growth_jax_*.json, too, and 95 % intervals of its
times. Dotted lines are what proportion would give, from the largest value down: a curve
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
    others = results.glob('growth_jax_*.json') if draw is draw_step else ()
    draw(*(json.loads(file.read_text()) for file in (path, *sorted(others))))
    plt.savefig(path.with_suffix('.png'), dpi=110)
    print(f'written: {path.with_suffix(".png")}')


def draw_step(*files: dict) -> None:
  """Time and memory of a training step against what grows, one panel for each.

  Of more files than one, each under a version of jax of its own, the later ones have
  open markers.
  """
  figure, all_axes = plt.subplots(1, 3, figsize=(13, 3.6), layout='constrained')
  for axes, (what, (title, power)) in zip(all_axes, PANELS.items()):
    for file, face in zip(files, (None, *(len(files) - 1) * ['white']), strict=True):
      rows = [row for row in file['table'] if row['what'] == what]
      for column, colour in zip(('milliseconds a step', 'temporary, MB'), COLOURS):
        label = f'{column}, jax {file["versions"]["jax"]}'
        _draw_column(axes, rows, column, power, color=colour, mfc=face, label=label)
    x = [row['value'] for row in rows]
    axes.set(xlabel=title, xscale='log', yscale='log')
    axes.set_xticks(x, [f'{value:g}' for value in x])
    axes.minorticks_off()
  axes.plot([], [], ':', color='gray', label='in proportion')
  lines = axes.get_legend_handles_labels()
  figure.legend(*lines, loc='outside right upper', fontsize=8)
  _sign(files[0], 'One training step of BN-x5: time and working memory')


def _draw_column(axes, rows, column, power, **style) -> None:
  """One curve with its intervals, and the line of proportion to its last value."""
  x, y = ([row[key] for row in rows] for key in ('value', column))
  bars = None
  if column == 'milliseconds a step':
    bars = [[abs(row[column] - row[end]) for row in rows] for end in ('low', 'high')]
  axes.errorbar(x, y, bars, fmt='o-', capsize=3, ms=5, **style)
  proportional = [y[-1] * (value / x[-1]) ** power for value in x]
  axes.plot(x, proportional, ':', color=style['color'], lw=1)


def _sign(file: dict, title: str) -> None:
  plt.gcf().suptitle(title)
  plt.gcf().supxlabel(f'{file["device"]}, {file["git_revision"]}', fontsize=6)


def draw_side_by_side(file: dict) -> None:
  """Steps per second of all runs, against how many share a program."""
  rows = file['table']
  speeds = {
    network: [row['steps/s of all'] for row in rows if row['network'] == network]
    for network in ('batch_norm', 'baseline')
  }
  runs = sorted({row['runs'] for row in rows})
  _draw(runs, speeds, 'runs side by side', 'steps/s of all runs')
  _sign(file, 'Section 4.1: a sweep in one program')


def draw_devices(file: dict) -> None:
  """Time of a step of one mini-batch, against the devices that share it."""
  rows = file['table']
  milliseconds = {
    name: [row[f'{name}, ms'] for row in rows] for name in ('per device', 'global')
  }
  devices = [row['devices'] for row in rows]
  _draw(devices, milliseconds, 'fake devices of one CPU', 'milliseconds a step')
  _sign(file, 'One mini-batch split over devices')


def _draw(
  x: Sequence[int], curves: dict[str, list[float]], xlabel: str, ylabel: str
) -> None:
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
