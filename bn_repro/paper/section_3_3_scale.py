"""Section 3.3: the scale of weights, at the start and along training."""

from typing import Any

import numpy as np

from bn_repro.paper.ledger import Evidence, Finding, Measure, variants
from bn_repro.paper.section_4_1_grid import NAMES
from bn_repro.report import effects, figures, pages, seeds, tables
from bn_repro.report.pages import Results


def section(results: Results) -> str:
  """Draws the figure and returns the text."""
  runs = results.runs('initial_scale')
  trained = [results.page(f'weight_scale_{n}') for n in ('batch_norm', 'baseline')]
  return pages.render(
    'section_3_3_scale',
    steps=runs[0].summary['num_steps'], table=_table(runs), exact=_exact(trained),
    figure=_figure(results, runs, trained),
  )  # fmt: skip


def of_network(runs) -> dict[str, dict[float, list]]:
  """Runs by network and factor, smallest first."""
  networks: dict[str, dict[float, list]] = {}
  for variant, group in seeds.by_variant(runs).items():
    network, _, factor = variant.rpartition('_x')
    networks.setdefault(network, {})[float(factor)] = group
  return {name: dict(sorted(groups.items())) for name, groups in networks.items()}


def _table(runs) -> str:
  networks = of_network(runs)
  rows = [
    (f'{factor:g}', *(seeds.final_accuracy(of[factor]) for of in networks.values()))
    for factor in next(iter(networks.values()))
  ]
  return tables.markdown(('a', *(NAMES[name] for name in networks)), rows)


def deviations(page) -> dict[float | None, tuple[float, float, float]]:
  """The largest of each of the three measures, by epsilon (None without BN)."""
  largest = {}
  for epsilon in dict.fromkeys(row['epsilon'] for row in page['rows']):
    rows = [row for row in page['rows'] if row['epsilon'] == epsilon]
    largest[epsilon] = (
      max(row['inputs_moved'] for row in rows),
      max(abs(row['gradient_of_weights_times_factor'] - 1) for row in rows),
      max(abs(row['gradient_of_images'] - 1) for row in rows),
    )
  return largest


def _exact(trained) -> str:
  rows = [
    (_name(epsilon), *(f'{value:.2g}' for value in values))
    for page in trained
    for epsilon, values in deviations(page).items()
  ]
  head = ('network', 'output', 'gradient of weights', 'of images')
  return tables.markdown(head, rows)


def _name(epsilon: float | None) -> str:
  return 'without BN' if epsilon is None else f'with BN, epsilon {epsilon:g}'


def _figure(results: Results, runs, trained) -> str:
  figure, axes = figures.panels(3)
  networks = of_network(runs)
  for panel, (name, groups) in zip(axes, networks.items()):
    for factor, group in groups.items():
      figures.draw(panel, group, 'test_accuracy', label=f'a = {factor:g}')
    panel.set(title=NAMES[name], ylim=(0, 1), xlabel='training steps')
    panel.legend(fontsize=7)
  axes[0].set_ylabel('test accuracy')
  for page in trained:
    for epsilon in deviations(page):
      _draw_gradients(axes[2], page, epsilon)
  factors = np.geomspace(0.01, 100, 5)
  axes[2].plot(factors, 1 / factors, ':', color='grey', label='1 / a')
  axes[2].set(title='trained network, layer 2', xscale='log', yscale='log', xlabel='a')
  axes[2].set_ylabel('gradient of the weights, at a = 1: 1')
  axes[2].legend(fontsize=7)
  return figures.save(figure, results.figures / 'initial_scale.png', runs, *trained)


def _draw_gradients(axes, page, epsilon) -> None:
  rows = [r for r in page['rows'] if (r['epsilon'], r['layer']) == (epsilon, 2)]
  gradients = [r['gradient_of_weights_times_factor'] / r['factor'] for r in rows]
  axes.plot([r['factor'] for r in rows], gradients, 'o-', ms=4, label=_name(epsilon))


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
  (epsilon,) = (e for e in largest if e)
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
  variants(evidence, 'analysis', 'initial_scale', *seeds.by_variant(runs))
  ranges = {
    name: 100 * np.ptp([seeds.final(group) for group in groups.values()], axis=0)
    for name, groups in of_network(runs).items()
  }
  lost, kept = (effects.of_values(ranges[name]) for name in ('baseline', 'batch_norm'))
  return Finding(
    effects.of_values(ranges['baseline'] - ranges['batch_norm']),
    len(ranges['baseline']), 'seeds',
    "over a factor of 0.01 to 100 on one layer's initial weights final accuracy "
    f'varies by {kept.text()} points with BN and {lost.text()} without, where the '
    'network trains worst with weights that are too small',
    runs=runs,
  )  # fmt: skip


CLAIMS: dict[str, Measure] = {'4': scale_invariant, '27': less_dependent}
