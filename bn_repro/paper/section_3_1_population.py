"""results/population/README.md: section 3.1's population statistics, two analyses."""

from pathlib import Path
from typing import Any

import numpy as np

from bn_repro.paper.ledger import Evidence, Finding, Measure
from bn_repro.report import commands, effects, figures, pages, tables
from bn_repro.report.intervals import of_share

COMMAND = 'python -m bn_repro.analysis'
_LOST_ENOUGH = 1.0  # points; the recovered share of less is noise
FILES = ('population_batches', 'shifted_data')


def write(results: Path) -> None:
  """Writes the README and the figures of `results` from its JSON files."""
  batches, shifts = (
    pages.read(results / f'{name}.json', f'{COMMAND} {name} --workdir=DIR')
    for name in FILES
  )
  draw_batches(batches, results / 'population_batches.png')
  draw_shifts(shifts, results / 'shifted_data.png')
  (results / 'README.md').write_text(text(batches, shifts))


def text(batches: dict[str, Any], shifts: dict[str, Any]) -> str:
  """The page, from both analyses."""
  accuracies = {row['mini_batches']: row['accuracies'] for row in batches['rows']}
  run = f'{batches["network"]}_seed{batches["seed"]}'
  measures = (
    commands.analysis(name, f'inception/networks/{run}', f'population/{name}')
    for name in FILES
  )
  return pages.render(
    'section_3_1_population',
    page=batches, run=run,
    spread={n: 100 * np.std(draws, ddof=1) for n, draws in accuracies.items()},
    loss=100 * (batches['accuracy_of_reference'] - np.mean(accuracies[1])),
    batches=batches_table(batches), shifts=shifts_table(shifts),
    finding=finding(shifts['rows']), commands=commands.block(*measures),
    origin=tables.origin_of([batches], batches['checkpoint']),
  )  # fmt: skip


def batches_table(page: dict[str, Any]) -> str:
  """Accuracies as mean and standard deviation over draws, and deviations."""
  head = ('mini-batches', 'accuracy', 'deviation of means', 'of variances')
  rows = [
    (str(row['mini_batches']), tables.percent(np.asarray(row['accuracies'])),
     f'{row["deviation_of_mean"]:.4f}', f'{row["deviation_of_variance"]:.4f}')
    for row in page['rows']
  ]  # fmt: skip
  return tables.markdown(head, rows)


def shifts_table(page: dict[str, Any]) -> str:
  """Accuracies with both statistics and Wilson's 95 % intervals."""
  head = ('shift', 'amount', 'statistics of the training set', 'of the shifted images')
  rows = [
    (row['shift'], '' if row['amount'] is None else f'{row["amount"]:g}',
     *(tables.share(*of_share(row[column], row['images']))
       for column in ('right_before', 'right_after')))
    for row in page['rows']
  ]  # fmt: skip
  return tables.markdown(head, rows)


def finding(rows: list[dict]) -> str:
  """Where new statistics gain most and least, and with how many of the rows."""
  unshifted, *others = rows
  gain = lambda row: 100 * (row['right_after'] - row['right_before']) / row['images']
  points = {f'{row["shift"]} {row["amount"]:g}': gain(row) for row in others}
  most, least = max(points, key=points.get), min(points, key=points.get)
  _, low, high = of_share(unshifted['right_before'], unshifted['images'])
  uncertainty = 100 * (high - low) / 2
  better = sum(gained > uncertainty for gained in points.values())
  return (
    f'new statistics gain most with {most}, {points[most]:+.1f} points, and least with '
    f'{least}, {points[least]:+.1f}; {better} of {len(points)} shifts gain more than '
    f'the {uncertainty:.1f} points of uncertainty; without a shift the change is '
    f'{gain(unshifted):+.1f}'
  )


def draw_batches(page: dict[str, Any], path: Path) -> None:
  """Accuracy of every draw, and both deviations, against the number of mini-batches."""
  rows = page['rows']
  numbers = np.asarray([row['mini_batches'] for row in rows])
  figure, (left, right) = figures.panels(2, 5, 3.8)
  for row in rows:
    accuracies = 100 * np.asarray(row['accuracies'])
    at = np.full(len(accuracies), row['mini_batches'])
    left.plot(at, accuracies, 'o', color='tab:blue', ms=4)
  left.axhline(
    100 * page['accuracy_of_reference'], color='grey', ls=':',
    label=f'over {page["mini_batches_of_reference"]:,}',
  )  # fmt: skip
  for name, label in (('mean', 'of means'), ('variance', 'of variances')):
    deviations = [row[f'deviation_of_{name}'] for row in rows]
    right.plot(numbers, deviations, 'o-', label=label)
  root = rows[0]['deviation_of_mean'] / np.sqrt(numbers)
  right.plot(numbers, root, ':', color='grey', label='1 / root of the number')
  left.set(ylabel='validation accuracy, %')
  right.set(yscale='log', ylabel='root mean square deviation')
  for axes, place in ((left, 'lower right'), (right, 'upper right')):
    axes.set(xscale='log', xlabel='mini-batches averaged over')
    axes.legend(fontsize=8, loc=place)
  figures.save(figure, path, [], page, remark='one run')


def draw_shifts(page: dict[str, Any], path: Path) -> None:
  """Accuracy with both statistics against the amount of each shift, weakest first."""
  unshifted, *others = page['rows']
  shifts = list(dict.fromkeys(row['shift'] for row in others))
  figure, panels = figures.panels(len(shifts), 11 / len(shifts), 3.4, sharey=True)
  for axes, shift in zip(panels, shifts):
    shown = [row for row in others if row['shift'] == shift]
    _draw_both(axes, [unshifted, *shown])
    names = ['none', *(f'{row["amount"]:g}' for row in shown)]
    axes.set(title=shift, ylim=(0, 100), xticks=range(len(names)), xticklabels=names)
  panels[0].set_ylabel('validation accuracy, %')
  panels[0].legend(fontsize=8, loc='lower left')
  figures.save(figure, path, [], page, remark='one run')


def _draw_both(axes, rows: list[dict]) -> None:
  kinds = (
    ('right_before', 'statistics of the training set', 'tab:orange'),
    ('right_after', 'of the shifted images', 'tab:blue'),
  )
  for column, label, colour in kinds:
    shares = 100 * np.asarray([of_share(row[column], row['images']) for row in rows])
    style = {'ms': 4, 'color': colour, 'label': label}
    figures.draw_intervals(axes, range(len(rows)), shares, **style)


def shifted(evidence: Evidence) -> Finding:
  """Claim 30."""
  page = evidence.page('population', 'shifted_data')
  (usual,) = (row for row in page['rows'] if row['amount'] is None)
  shares = [
    100 * (row['right_after'] - row['right_before']) / lost
    for row in page['rows']
    if (lost := usual['right_before'] - row['right_before'])
    >= _LOST_ENOUGH / 100 * row['images']
  ]
  effect = effects.of_values(shares)
  return Finding(
    effect, len(shares), 'shifts of one network',
    f'new statistics recover {effect.text("{:.0f}", " %")} of what a '
    f'shift costs; {finding(page["rows"])}',
  )  # fmt: skip


CLAIMS: dict[str, Measure] = {'30': shifted}
