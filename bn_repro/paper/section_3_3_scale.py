"""Section 3.3: the scale of weights, at the start and along training."""

from typing import Any

import numpy as np

from bn_repro.paper.ledger import Evidence, Finding, Measure, of_seeds, variants
from bn_repro.paper.section_4_1_grid import NAMES
from bn_repro.report import effects, figures, pages, seeds, tables
from bn_repro.report.collect import Run
from bn_repro.report.pages import Results


def section(results: Results, runs: list[Run]) -> str:
  """Draws the figure and returns the text."""
  networks = seeds.by_number(runs, '_x')
  trained = [results.page(f'weight_scale_{n}') for n in ('batch_norm', 'baseline')]
  accuracies = [
    (f'{a:g}', *(seeds.final_accuracy(groups[a]) for groups in networks.values()))
    for a in networks['baseline']
  ]
  largest = [
    (_name(epsilon), *(f'{value:.2g}' for value in values))
    for page in trained
    for epsilon, values in deviations(page).items()
  ]
  head = ('network', 'output', 'gradient of weights', 'of images')
  return pages.render(
    'section_3_3_scale',
    steps=runs[0].summary['num_steps'],
    table=tables.markdown(('a', *(NAMES[name] for name in networks)), accuracies),
    exact=tables.markdown(head, largest),
    figure=_figure(results, runs, networks, trained),
  )


def deviations(page: dict[str, Any]) -> dict[float | None, tuple[float, float, float]]:
  """The largest of each of the three measures, by epsilon (None without BN)."""
  largest = {}
  for row in page['rows']:
    values = (
      row['inputs_moved'],
      abs(row['gradient_of_weights_times_factor'] - 1),
      abs(row['gradient_of_images'] - 1),
    )
    before = largest.get(row['epsilon'], values)
    largest[row['epsilon']] = tuple(map(max, before, values))
  return largest


def _name(epsilon: float | None) -> str:
  return 'without BN' if epsilon is None else f'with BN, epsilon {epsilon:g}'


def _figure(results: Results, runs, networks, trained) -> str:
  figure, axes = figures.panels(3)
  for panel, (name, groups) in zip(axes, networks.items()):
    style = lambda a: {'label': f'a = {a:g}'}
    figures.draw_groups(panel, groups, style=style, title=NAMES[name], ylim=(0, 1))
  axes[0].set_ylabel('test accuracy')
  for page in trained:
    for epsilon in deviations(page):
      rows = [r for r in page['rows'] if (r['epsilon'], r['layer']) == (epsilon, 2)]
      factors = [r['factor'] for r in rows]
      gradients = [r['gradient_of_weights_times_factor'] / r['factor'] for r in rows]
      axes[2].plot(factors, gradients, 'o-', ms=4, label=_name(epsilon))
  factors = np.geomspace(0.01, 100, 5)
  axes[2].plot(factors, 1 / factors, ':', color='grey', label='1 / a')
  axes[2].set(title='trained network, layer 2', xscale='log', yscale='log', xlabel='a')
  axes[2].set_ylabel('gradient of the weights (1 at a = 1)')
  for panel in axes:
    panel.legend(fontsize=7)
  return figures.save(figure, results.folder / 'initial_scale.png', runs, *trained)


def factors_table(page: dict[str, Any]) -> str:
  """What a factor on the weights changes, layer by layer."""
  head = (
    'epsilon', 'layer', 'a', 'inputs moved by', 'a x gradient of the weights',
    'gradient of the images',
  )  # fmt: skip
  rows = [
    ('-' if row['epsilon'] is None else f'{row["epsilon"]:g}', str(row['layer']),
     f'{row["factor"]:g}', f'{row["inputs_moved"]:.2g}',
     f'{row["gradient_of_weights_times_factor"]:.4g}',
     f'{row["gradient_of_images"]:.4g}')
    for row in page['rows']
  ]  # fmt: skip
  return tables.markdown(head, rows)


def scale_invariant(evidence: Evidence) -> Finding:
  """Claim 4."""
  page = evidence.page('analysis', 'weight_scale_batch_norm')
  largest = deviations(page)
  (epsilon,) = filter(None, largest)
  exact = max(largest[0.0])
  return Finding(
    effects.exactly(exact), sum(row['epsilon'] == 0 for row in page['rows']),
    'layers and factors',
    f'with epsilon 0 the largest deviation is {exact:.0e}, for factors of 0.01 to 100; '
    f'with epsilon {epsilon:g} the output of a layer whose weights shrink to a '
    f'hundredth moves by {largest[epsilon][0]:.1f} standard deviations',
  )  # fmt: skip


def less_dependent(evidence: Evidence) -> Finding:
  """Claim 27."""
  runs = evidence.runs('analysis', 'initial_scale')
  groups = variants(evidence, 'analysis', 'initial_scale', *seeds.by_variant(runs))
  plain, normalized = (
    100 * np.ptp([seeds.final(group) for group in by_factor.values()], axis=0)
    for by_factor in seeds.by_number(runs, '_x').values()
  )
  lost, kept = (effects.of_values(ranges) for ranges in (plain, normalized))
  text = (
    "over a factor of 0.01 to 100 on one layer's initial weights final accuracy "
    f'varies by {kept.text()} points with BN and {lost.text()} without, where the '
    'network trains worst with weights that are too small'
  )
  return of_seeds(effects.of_values(plain - normalized), text, *groups)


CLAIMS: dict[str, Measure] = {'4': scale_invariant, '27': less_dependent}
