"""results/conformance/README.md: batch normalizations of other libraries, and ours.

Made from the JSON files that `conformance.run` writes. Imports no JAX.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from bn_repro.paper import conformance_carry as carry
from bn_repro.paper import conformance_cells as cells
from bn_repro.paper import conformance_columns as columns
from bn_repro.paper import conformance_speed as speed
from bn_repro.paper.conformance_cells import Cell, number
from bn_repro.paper.conformance_speed import OURS
from bn_repro.report import figures, pages, tables
from bn_repro.run.errors import UserError

RUN = 'python -m conformance.run'
# How a layer was run: its height in its row of a figure, and its colour.
MODES = {'eager': (0.13, 'tab:blue'), 'compiled': (-0.13, 'tab:orange')}
Page = dict[str, Any]


def write(results: Path) -> None:
  """Writes the README and the figures of `results` from its JSON files."""
  made = read(results)
  ran = [page for page in made if page['probes']]
  draw_rounding(ran, results / 'rounding.png')
  has_curves = draw_accuracy(ran, results / 'accuracy.png')
  speeds = [json.loads(path.read_text()) for path in sorted(results.glob('speed_*'))]
  (results / 'README.md').write_text(text(made, speeds, has_curves))


def read(results: Path) -> list[Page]:
  """The pages of the implementations, ours first."""
  paths = [path for path in sorted(results.glob('*.json')) if path.stem[:6] != 'speed_']
  made = [json.loads(path.read_text()) for path in paths]
  if not made:
    raise UserError(f'no JSON file in {results}; `{RUN}` makes them')
  return sorted(made, key=lambda page: page['name'] != OURS)


def text(made: list[Page], speeds: list[Page], has_curves: bool) -> str:
  """The page."""
  ran = [page for page in made if page['probes']]
  titles = {page['name']: page['title'] for page in made}
  return pages.render(
    'conformance',
    number=len(ran), has_curves=has_curves, groups=[
      (title, [(c.title, c.why) for c in group], group_table(ran, group))
      for title, group in columns.groups().items()
    ],
    ours=departures(next((page for page in ran if page['name'] == OURS), None)),
    departures=departures_table(ran),
    names=carry.names_table(ran), factors=carry.factors_table(ran),
    not_carried=carry.failures(ran, titles), alone=carry.NONE,
    pairs=len(carry.pairs(ran)), possible=len(ran) * (len(ran) - 1),
    speeds=[(p, speed.table(p, titles), speed.verdicts(p)) for p in speeds],
    absent=[(p['title'], p['not_installed']) for p in made if 'not_installed' in p],
    versions=versions_table(made),
    origins=origins(made),
    limits={name: getattr(cells, name) for name in (
      'AGREES', 'AS_STATED', 'CARRIED', 'KEEPS_VARIANCE', 'HALF')},
  )  # fmt: skip


def origins(made: list[Page]) -> list[str]:
  """Every revision and machine, of whole pages and of probes that were run apart."""
  every = [one for page in made for one in (page, *page.get('origins', {}).values())]
  return [f'{name}: {tables.each(every, name)}' for name in ('git_revision', 'device')]


def group_table(ran: list[Page], group: tuple) -> str:
  """A line for each implementation; what departs from the paper is bold."""
  head = ('', *(column.title for column in group))
  rows = [
    (page['title'], *(str(columns.cell_of(c, page['probes'])) for c in group))
    for page in ran
  ]
  return tables.markdown(head, rows)


def cells_of(page: Page) -> dict[str, Cell]:
  """All that is said of an implementation, by the columns with their groups."""
  return {
    f'{title.lower()}: {column.title}': columns.cell_of(column, page['probes'])
    for title, group in columns.groups().items()
    for column in group
  }


def departures(page: Page | None) -> list[str] | None:
  """What of an implementation departs, in words; None if it was not run."""
  return page and [
    f'{t}: {cell.text}' for t, cell in cells_of(page).items() if cell.departs
  ]


def departures_table(ran: list[Page]) -> str:
  """How many columns of each depart, and how many say something about the paper."""
  rows = []
  for page in ran:
    said = [cell.departs for cell in cells_of(page).values()]
    of = len(said) - said.count(None)
    rows.append((page['title'], str(said.count(True)), str(of)))
  return tables.markdown(('', 'depart', 'of'), rows)


def versions_table(made: list[Page]) -> str:
  """What was installed."""
  rows = [
    (page['title'], ', '.join(f'{n} {v}' for n, v in page['packages'].items()) or '-')
    for page in made
  ]
  return tables.markdown(('', 'packages'), rows)


def draw_rounding(ran: list[Page], path: Path) -> None:
  """The ratio of mean to deviation up to which the variance is right, of each."""
  figure, (axes,) = figures.panels(1, 7.5, 0.32 * len(ran) + 1.4)
  for row, page in enumerate(reversed(ran)):
    probed = page['probes'].get('mean_over_deviation', {})
    for mode, (offset, color) in MODES.items():
      for (shape, one), marker in zip(probed.get(mode, {}).items(), 'os'):
        if 'ratio' in one:
          at = max(number(one['ratio']), 1.0)
          style = {'color': color, 'ms': 5, 'label': f'{mode}, {shape}'}
          axes.plot(at, row + offset, marker, **style)
  axes.axvline(cells.KEEPS_VARIANCE, color='grey', ls=':', label='threshold')
  titles = [page['title'] for page in reversed(ran)]
  axes.set(xscale='log', xlim=(0.8, 2e6), yticks=range(len(ran)), yticklabels=titles)
  axes.set_ylim(-0.5, len(ran) - 0.5)
  axes.set_xlabel('mean / deviation up to which the variance is within 1 %')
  handles, labels = axes.get_legend_handles_labels()
  once = dict(zip(labels, handles))
  axes.legend(once.values(), once.keys(), fontsize=7, loc='upper left',
              bbox_to_anchor=(1, 1))  # fmt: skip
  figures.save(figure, path, [], *ran)


def draw_accuracy(ran: list[Page], path: Path) -> bool:
  """Accuracy with stored statistics over training; False where no network was run."""
  shown = [
    page for page in ran
    if any('stored' in page['probes'].get('network', {}).get(kind, {})
           for kind in ('equal', 'defaults'))
  ]  # fmt: skip
  if not shown:
    return False
  figure, panels = figures.panels(2, 4.8, 4.2, sharey=True)
  colours = figures.plt.get_cmap('tab20')(np.linspace(0, 1, len(shown)))
  for axes, kind in zip(panels, ('equal', 'defaults')):
    for page, colour in zip(shown, colours):
      answer = page['probes']['network'][kind]
      if 'stored' in answer:
        steps = [int(step) for step in answer['stored']]
        shares = [100 * number(value) for value in answer['stored'].values()]
        axes.plot(steps, shares, '.-', color=colour, label=page['title'])
    title = {'equal': 'decay 0.99, epsilon 1e-3', 'defaults': 'as it comes'}[kind]
    axes.set(xscale='log', xlabel='step', title=title)
  panels[0].set_ylabel('test accuracy, stored statistics, %')
  panels[1].legend(fontsize=7, loc='upper left', bbox_to_anchor=(1, 1))
  figures.save(figure, path, [], *shown, remark='one network each')
  return True
