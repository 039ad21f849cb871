"""results/mnist/README.md: the paper's section 4.1 beside our numbers."""

from pathlib import Path

import numpy as np

from bn_repro.paper import section_4_1_grid as grid
from bn_repro.paper.ledger import Evidence, Finding, Measure, variants
from bn_repro.paper.section_4_1_grid import COLOURS, NAMES
from bn_repro.report import collect, commands, effects, figures, pages, seeds, tables
from bn_repro.report.collect import Run
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


def write(results: Path) -> None:
  """Writes the README and the figures of `results` from its JSON and CSV files."""
  runs, of_grid = collect.load(results, 'figure1'), collect.load(results, 'grid')
  figure_1(runs, results / 'figure1.png')
  if of_grid:
    grid.figure(of_grid, results / 'grid.png')
  (results / 'README.md').write_text(text(runs, of_grid))


def text(runs: list[Run], of_grid: list[Run]) -> str:
  """The README, from the runs of figure 1 and of the grid (which may be [])."""
  config = runs[0].config
  sweeps = SWEEPS if of_grid else SWEEPS[:1]
  choices = [(f'`{f}`', str(config[f]), why) for f, why in CHOICES.items()]
  return pages.render(
    'section_4_1_figure_1',
    steps=runs[0].summary['num_steps'], seeds=len(_networks(runs)['baseline']),
    unit=config['tracked_unit'],
    claims=tables.markdown(('claim', 'measured'), _claims(runs).items()),
    networks=network_table(runs), drift=_drift_table(runs),
    choices=tables.markdown(('field', 'value', 'our choice'), choices),
    grid=grid.text(of_grid) if of_grid else '',
    origin=tables.origin([*runs, *of_grid]),
    commands=commands.block(
      *(commands.sweep(f'sweeps/mnist_{name}', f'mnist/{name}') for name in sweeps)
    ),
  )  # fmt: skip


def headline(runs: list[Run], of_grid: list[Run]) -> str:
  """The tables of the project's README: figure 1, and the claims of the grid."""
  return f'{network_table(runs)}\n\n{grid.claims_table(*grid.of_both(of_grid))}'


def network_table(runs: list[Run]) -> str:
  """Steps to the targets, final and best accuracy of each network."""
  columns = {
    'seeds': seeds.number,
    **{f'steps to {100 * t:g} %': seeds.steps_to(t) for t in runs[0].config['targets']},
    'final accuracy': lambda group: tables.percent(_summary(group, 'final')),
    'best accuracy': lambda group: tables.percent(_summary(group, 'best')),
  }
  groups = {NETWORKS[name]: group for name, group in _networks(runs).items()}
  return seeds.table('network', groups, columns)


def _networks(runs: list[Run]) -> dict[str, list[Run]]:
  return {name: group for (name,), group in tables.group_by(runs, 'network').items()}


def _summary(runs: list[Run], which: str) -> np.ndarray:
  """The 'final' or the 'best' test accuracy, `[seeds]`."""
  return tables.over(runs, lambda run: run.summary[f'{which}_test_accuracy'])


def _claims(runs: list[Run]) -> dict[str, str]:
  networks = _networks(runs)
  plain, normalized = networks['baseline'], networks['batch_norm']
  return {
    'Claim 1: the network with BN reaches higher test accuracy': _end(
      plain, normalized
    ),
    'Claim 1: it trains faster': _speed_up(plain, normalized),
    'Claim 2: the inputs of a sigmoid are far more stable over training': _steadiness(
      plain, normalized
    ),
  }


def _end(plain: list[Run], normalized: list[Run]) -> str:
  """Whether the seeds of the two networks can be told apart at the end."""
  if _summary(normalized, 'final').min() > _summary(plain, 'final').max():
    return 'every seed with BN ends above every seed without'
  return 'the seeds of the two networks overlap at the end'


def _speed_up(plain: list[Run], normalized: list[Run]) -> str:
  """Ratios of the mean steps to each target."""
  steps = lambda runs, target: tables.over(runs, lambda run: run.steps_to(target))
  ratios = (
    f'{steps(plain, target).mean() / steps(normalized, target).mean():.1f} '
    f'times fewer to {100 * target:g} %'
    for target in plain[0].config['targets']
  )
  return f'steps: {", ".join(ratios)}'


def _steadiness(plain: list[Run], normalized: list[Run]) -> str:
  drift = lambda runs: _drifts(runs, 50, 'relative').mean()
  return (
    f'the median moves {drift(plain) / drift(normalized):.1f} times less, relative to '
    'the spread of the inputs'
  )


def _drifts(runs: list[Run], percentile: int, measure: str) -> np.ndarray:
  """How far a percentile moves over training, `[seeds]`: 'range' or 'relative'."""
  return tables.over(
    runs, lambda run: run.summary['percentile_drift'][str(percentile)][measure]
  )


def _drift_table(runs: list[Run]) -> str:
  rows = [
    (NETWORKS[name], f'{percentile}th', *(
      f'{drifts.mean():.2f} ± {drifts.std(ddof=1):.2f}'
      for measure in ('range', 'relative')
      for drifts in [_drifts(group, percentile, measure)]
    ))
    for name, group in _networks(runs).items()
    for percentile in PERCENTILES
  ]  # fmt: skip
  return tables.markdown(('network', 'percentile', 'range', 'relative'), rows)


def figure_1(runs: list[Run], path: Path) -> None:
  """Figure 1: (a) test accuracy, (b, c) percentiles of one sigmoid's input.

  Args:
    runs: both networks, some seeds of each; (a) shows the mean and the range
      over seeds, (b) and (c) the lowest seed.
    path: the PNG to write.
  """
  figure, (a, b, c) = figures.panels(3, 11 / 3, 3.4)
  networks = _networks(runs)
  for network, group in networks.items():
    _draw_accuracy(a, network, group)
  _finish_accuracy(a, runs)
  for axes, letter, network in ((b, 'b', 'baseline'), (c, 'c', 'batch_norm')):
    _draw_percentiles(axes, networks[network][0])
    axes.set_title(f'({letter}) {NAMES[network]}, one unit, one run')
  c.sharey(b)
  b.set_ylabel('input of one sigmoid, last hidden layer')
  data = runs[0].summary['dataset']
  figure.suptitle(f'Figure 1 on {data}: three layers of 100 sigmoid units')
  figures.save(figure, path, runs)


def _draw_accuracy(axes, network, group):
  name = f'{NAMES[network]} ({len(group)} seeds)'
  figures.draw(axes, group, 'test_accuracy', color=COLOURS[network], label=name)


def _finish_accuracy(axes, runs):
  """The paper's axes: accuracy from 0.7 to 1, which cuts the first steps off."""
  axes.set_ylim(0.7, 1)
  axes.set(title='(a) test accuracy', xlabel='training steps')
  axes.set_xlim(0, runs[0].summary['num_steps'])
  axes.legend(loc='lower right')


def _draw_percentiles(axes, run):
  for percentile in PERCENTILES:
    values = run.curves[f'percentile_{percentile}']
    style = '-' if percentile == 50 else '--'
    axes.plot(run.curves['step'], values, style, color='black', lw=1)
    axes.annotate(f'{percentile} %', (run.curves['step'][-1], values[-1]), fontsize=8)
  axes.set_xlabel('training steps')


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
  effect = effects.of_values(100 * (seeds.final(normalized) - seeds.final(plain)))
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


def _drift_ratio(plain: list, normalized: list, percentile: int, measure: str):
  """How far a percentile moves over training without BN, over that with it."""
  drifts = [_drifts(runs, percentile, measure) for runs in (plain, normalized)]
  return effects.of_ratios(drifts[0] / drifts[1])


def _by_percentile(ratios: dict) -> str:
  return ', '.join(
    f'{percentile}th percentile {effect.text()} times'
    for percentile, effect in ratios.items()
  )


CLAIMS: dict[str, Measure] = {'1a': trains_faster, '1b': ends_higher, '2': steadier}
