"""Writes results/index.html: the curves and claims as one page that needs no server.

The page draws with Observable Plot on D3, which lie beside its template: 0.5 MB, where
Vega-Lite has 0.8 MB and Plotly's basic bundle 1.2 MB. It draws SVG with text and ARIA
labels, and takes its colours from CSS, so that light and dark need no second drawing;
uPlot (0.05 MB) draws on a canvas, which has neither, and no maps.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from markupsafe import Markup

from bn_repro.paper import claims as claims_lib
from bn_repro.paper import section_4_1_grid as grid_lib
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper import visitor_page_data as data_lib
from bn_repro.report import collect, commands, pages
from bn_repro.run.errors import UserError

NAME = 'index.html'
PARTS = Path(__file__).parent / 'templates' / 'visitor_page'
LIBRARIES = ('d3-7.9.2.min.js', 'plot-0.6.17.umd.min.js')
SCRIPTS = ('shared.js', 'curves.js', 'claims.js', 'effects.js', 'start.js')
# The figure of each claim that has one, under results/.
FIGURES = {
  'mnist/figure1': '1a 1b 2', 'analysis/runaway_bias': '3a 3b',
  'analysis/placement': '7', 'inception/speed_up': '9 10 11a 12b 23',
  'inception/figure2': '11b 12a 13a 13b', 'inception/learning_rates': '14 15',
  'inception/best_rates': '16',
  'inception/ablation': '17a 18 19 20 21 22', 'inception/overfitting': '17b',
  'ensemble/crops': '24', 'ensemble/members': '25', 'analysis/initial_scale': '27',
  'analysis/layer_jacobians': '28', 'analysis/nonlinearity_inputs': '29',
  'population/shifted_data': '30',
}  # fmt: skip
# The same of claims that a stage of the protocol decides, by its sweep.
FIGURES_OF_STAGES = {
  commands.sweep_file(stage): figure
  for stage, figure in {
    'stage3_changes': 'inception/main_effects', 'stage4_controls': None,
  }.items()
}  # fmt: skip
# Of an entry of claims.json: what its interval is drawn from.
DRAWN = ('value', 'low', 'high', 'margin', 'side', 'unit')
MNIST = "section 4.1's network"
ENSEMBLE = 'ensemble of six'


def write(results: Path) -> None:
  """Writes `index.html` from the JSON, CSV and SVG files under `results`."""
  (results / NAME).write_text(text(results))


def text(results: Path) -> str:
  """The page. UserError if one of the files that it needs is not there."""
  claims = read_claims(results)
  first = family.by_network(data_lib.needed(results, 'inception/networks'))
  networks, sweeps = data_lib.networks_in(results)
  ablation = data_lib.needed(results, 'inception/ablation')
  grid = data_lib.needed(results, 'mnist/grid')
  protocol = collect.load(results / 'inception', 'stage3_changes')
  data = {
    'networks': data_lib.described(networks),
    'raw': data_lib.curves(networks, smooth=False),
    'smoothed': data_lib.curves(networks, smooth=True),
    'targets': data_lib.targets(networks),
    'changes': data_lib.changes(first, ablation),
    'stage3': data_lib.stage_3(protocol),
    'grid': data_lib.grid(grid),
    'claims': {claim['key']: claim['numbers'] for claim in claims},
    'figures': _figures(results, claims),
  }  # fmt: skip
  return pages.render_html(
    'visitor_page', data=data, json=script_json(data), claims=claims,
    verdicts=_options([claim['verdict']] for claim in claims),
    sections=_options(claim['sections'] for claim in claims),
    networks=_options(claim['networks'] for claim in claims),
    accuracy=data_lib.accuracy_table(networks), sweeps=sweeps,
    accuracy_steps=[f'{step:,}' for step in data_lib.STEPS],
    default=round(100 * data_lib.comparison.TARGET), targets=data_lib.TARGETS,
    grid=data_lib.grid_table(grid), grid_steps=grid_lib.STEPS,
    grid_heads=[f'{step:,}' for step in grid_lib.STEPS],
    title=family.title(networks[family.PLAIN][0]),
    part=lambda name: Markup((PARTS / name).read_text()), libraries=LIBRARIES,
    scripts=SCRIPTS,
  )  # fmt: skip


def script_json(value: Any) -> Markup:
  """JSON that may stand in a script element: '</' would end it."""
  compact = json.dumps(value, separators=(',', ':'), allow_nan=False)
  return Markup(compact.replace('</', '<\\/'))


def read_claims(results: Path) -> list[dict[str, Any]]:
  """The entries of claims.json, with what the page filters and draws them by."""
  path = results / claims_lib.NAME
  if not path.exists():
    raise UserError(f'no {path}; run scripts/report.py --report=claims first')
  return [entry | _shown(entry) for entry in json.loads(path.read_text())]


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
  key = claims_lib.key_of(entry)
  figures = (name for name, keys in FIGURES.items() if key in keys.split())
  figure = next(figures, None)
  text = {'ours': claims_lib.with_interval(entry), 'bound': claims_lib.margin(entry)}
  return text | {
    'key': key, 'figure': FIGURES_OF_STAGES.get(entry['experiment'], figure),
    'sections': sections_of(entry), 'networks': networks_of(entry),
    'numbers': text | {name: entry[name] for name in DRAWN},
  }  # fmt: skip


def sections_of(entry: dict[str, Any]) -> list[str]:
  """The sections and figures of the paper: 'figure 1 (b, c)' is figure 1."""
  return re.sub(r' \(.*?\)', '', entry['section']).split(', ')


def networks_of(entry: dict[str, Any]) -> list[str]:
  """The networks that an entry names in words, or in its command or files.

  One that names none is of section 4.1's network, or of the ensemble.
  """
  words = ' '.join((entry['claim'], entry['effect'], entry['measured']))
  paths = ' '.join((entry['command'], *entry['files']))
  networks = []
  # The longest first: 'BN-x5' is no network where 'BN-x5-Sigmoid' stands.
  for network, name in sorted(family.NAMES.items(), key=lambda item: -len(item[1])):
    if name in words or re.search(rf'[/_]{network}(_seed\d|\.json)', paths):
      networks.append(name)
      words = words.replace(name, '')
  if 'ensemble' in entry['experiment']:
    return [ENSEMBLE]
  return [name for name in family.NAMES.values() if name in networks] or [MNIST]


def _options(lists: Iterable[Iterable[str]]) -> list[str]:
  return sorted({option for options in lists for option in options})


def _figures(results: Path, claims: list[dict[str, Any]]) -> dict[str, str]:
  """The SVG of each figure, with two decimals of a point."""
  names = sorted({claim['figure'] for claim in claims if claim['figure']})
  paths = {name: results / f'{name}.svg' for name in names}
  return {
    name: re.sub(r'(\d\.\d\d)\d+', r'\1', path.read_text())
    for name, path in paths.items()
    if path.exists()
  }
