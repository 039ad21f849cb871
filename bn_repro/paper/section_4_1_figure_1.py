"""results/mnist/README.md: the paper's section 4.1 beside our numbers."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bn_repro.paper import section_4_1_grid as grid
from bn_repro.paper.ledger import Evidence, Finding, Measure, of_seeds, variants
from bn_repro.paper.section_4_1_grid import COLOURS, NAMES
from bn_repro.report import collect, commands, effects, figures, pages, seeds, tables
from bn_repro.report.collect import Run
from bn_repro.run.percentiles import PERCENTILES

SWEEPS = ('figure1', 'grid')
NETWORKS = {'baseline': 'without BN', 'batch_norm': 'with BN'}


def write(results: Path) -> None:
  """Writes the README and the figures of `results` from its JSON and CSV files."""
  runs, of_grid = collect.load(results, 'figure1'), collect.load(results, 'grid')
  figure_1(runs, results / 'figure1.png')
  if of_grid:
    grid.figure(of_grid, results / 'grid.png')
  (results / 'README.md').write_text(text(runs, of_grid))


def text(runs: list[Run], of_grid: list[Run]) -> str:
  """The README, from the runs of figure 1 and of the grid (which may be [])."""
  networks = seeds.by_variant(runs, NETWORKS)
  plain, normalized = networks.values()
  drift = lambda group: _drifts(group, 50, 'relative').mean()
  return pages.render(
    'section_4_1_figure_1',
    steps=runs[0].summary['num_steps'], seeds=len(plain), config=runs[0].config,
    markdown=tables.markdown,
    ends_above=seeds.final(normalized).min() > seeds.final(plain).max(),
    speed_ups=', '.join(
      _speed_up(plain, normalized, target) for target in runs[0].config['targets']
    ),
    steadier=drift(plain) / drift(normalized),
    networks=network_table(runs), drift=_drift_table(networks),
    grid=grid.text(of_grid) if of_grid else '',
    origin=tables.origin([*runs, *of_grid]),
    commands=commands.block(*(
      commands.sweep(f'sweeps/mnist_{name}', f'mnist/{name}')
      for name in (SWEEPS if of_grid else SWEEPS[:1])
    )),
  )  # fmt: skip


def _speed_up(plain: list[Run], normalized: list[Run], target: float) -> str:
  """Mean steps without BN over those with it: '6.3 times fewer to 90 %'."""
  steps = [tables.over(runs, _steps_to(target)) for runs in (plain, normalized)]
  if missed := _missed(*steps):
    return f'not known to {100 * target:g} %, which {missed} miss'
  return f'{steps[0].mean() / steps[1].mean():.1f} times fewer to {100 * target:g} %'


def _steps_to(target: float) -> Callable[[Run], float]:
  return lambda run: run.steps_to(target)


def _missed(*steps: np.ndarray) -> str:
  """How many of the runs reach no target, '1 of 6 runs'; '' if none."""
  every = np.concatenate(steps)
  missing = int(np.isinf(every).sum())
  return f'{missing} of {len(every)} runs' if missing else ''


def network_table(runs: list[Run]) -> str:
  """Steps to the targets, final and best accuracy of each network."""
  best = lambda run: run.summary['best_test_accuracy']
  columns = {
    'seeds': seeds.number,
    **{f'steps to {100 * t:g} %': seeds.steps_to(t) for t in runs[0].config['targets']},
    'final accuracy': lambda group: tables.percent(seeds.final(group), 'diverged'),
    'best accuracy': lambda group: tables.percent(tables.over(group, best)),
  }
  return seeds.table('network', seeds.by_variant(runs, NETWORKS), columns)


def _drifts(runs: list[Run], percentile: int, measure: str) -> np.ndarray:
  """How far a percentile moves over training, `[seeds]`: 'range' or 'relative'."""
  return tables.over(
    runs, lambda run: run.summary['percentile_drift'][str(percentile)][measure]
  )


def _drift_table(networks: dict[str, list[Run]]) -> str:
  rows = [
    (name, f'{percentile}th', *(
      tables.mean(_drifts(group, percentile, measure), '.2f')
      for measure in ('range', 'relative')
    ))
    for name, group in networks.items()
    for percentile in PERCENTILES
  ]  # fmt: skip
  return tables.markdown(('network', 'percentile', 'range', 'relative'), rows)


def figure_1(runs: list[Run], path: Path) -> None:
  """Figure 1: (a) test accuracy, (b, c) percentiles of a sigmoid's input, one seed."""
  figure, (a, b, c) = figures.panels(3, 11 / 3, 3.4)
  networks = seeds.by_variant(runs)
  for network, name in NAMES.items():
    label = f'{name} ({len(networks[network])} seeds)'
    figures.draw(a, networks[network], 'test_accuracy', color=COLOURS[network],
                 label=label)  # fmt: skip
  # The paper's axes: accuracy from 0.7 to 1, which cuts the first steps off.
  a.set(title='(a) test accuracy', xlabel='training steps', ylim=(0.7, 1))
  a.set_xlim(0, runs[0].summary['num_steps'])
  a.legend(loc='lower right')
  for axes, letter, network in ((b, 'b', 'baseline'), (c, 'c', 'batch_norm')):
    _draw_percentiles(axes, networks[network][0])
    axes.set_title(f'({letter}) {NAMES[network]}, one unit, one run')
  c.sharey(b)
  b.set_ylabel('input of one sigmoid, last hidden layer')
  data = runs[0].summary['dataset']
  figure.suptitle(f'Figure 1 on {data}: three layers of 100 sigmoid units')
  figures.save(figure, path, runs)


def _draw_percentiles(axes, run: Run) -> None:
  steps = run.curves['step']
  for percentile in PERCENTILES:
    values = run.curves[f'percentile_{percentile}']
    axes.plot(steps, values, '-' if percentile == 50 else '--', color='black', lw=1)
    axes.annotate(f'{percentile} %', (steps[-1], values[-1]), fontsize=8)
  axes.set_xlabel('training steps')


def _both(evidence: Evidence) -> list[list[Run]]:
  return variants(evidence, 'mnist', 'figure1', 'baseline', 'batch_norm')


def trains_faster(evidence: Evidence) -> Finding:
  """Claim 1, first half."""
  plain, normalized = _both(evidence)
  slow, fast = (tables.over(runs, _steps_to(0.95)) for runs in (plain, normalized))
  if missed := _missed(slow, fast):
    effect, text = effects.without_interval(math.nan), f'{missed} do not reach 95 %'
    short = 'without them the network that misses it would look faster'
    return of_seeds(effect, text, plain, normalized)._replace(too_little=short)
  effect = effects.of_ratios(slow / fast)
  text = f'BN reaches 95 % in {effect.text()} times fewer steps'
  return of_seeds(effect, text, plain, normalized)


def ends_higher(evidence: Evidence) -> Finding:
  """Claim 1, second half."""
  plain, normalized = _both(evidence)
  effect = seeds.gain(normalized, plain)
  text = f'{effect.text("{:+.2f}", " points")} of test accuracy after 50,000 steps'
  return of_seeds(effect, text, plain, normalized)


def steadier(evidence: Evidence) -> Finding:
  """Claim 2."""
  plain, normalized = _both(evidence)
  ratios = lambda measure: {
    percentile: effects.of_ratios(
      _drifts(plain, percentile, measure) / _drifts(normalized, percentile, measure)
    )
    for percentile in PERCENTILES
  }
  relative, absolute = ratios('relative'), ratios('range')
  least = min(relative.values(), key=lambda effect: effect.low)
  text = (
    f'without BN the inputs drift more, relative to their spread: '
    f'{_by_percentile(relative)}; in absolute terms, as the figure shows it: '
    f'{_by_percentile(absolute)}'
  )
  return of_seeds(least, text, plain, normalized)


def _by_percentile(ratios: dict[int, effects.Effect]) -> str:
  return ', '.join(
    f'{percentile}th percentile {effect.text()} times'
    for percentile, effect in ratios.items()
  )


CLAIMS: dict[str, Measure] = {'1a': trains_faster, '1b': ends_higher, '2': steadier}
