"""Section 2: a bias that grows without end if the gradient ignores normalization."""

from typing import Any

from bn_repro.paper.ledger import Evidence, Finding, Measure, of_seeds, variants
from bn_repro.report import collect, effects, figures, pages, seeds, tables
from bn_repro.report.collect import Run
from bn_repro.report.pages import Results
from bn_repro.report.seeds import gain

NAMES = {
  'centring_outside_gradient': 'mean, outside the gradient',
  'centring': 'mean, gradient through it',
  'standardization_outside_gradient': 'mean and scale, outside the gradient',
  'standardization': 'mean and scale, gradient through both',
}
BIAS, KERNEL = (f'parameter_norms/hidden_1/{part}' for part in ('bias', 'kernel'))
COLUMNS = {
  'seeds': seeds.number,
  'final accuracy': seeds.final_accuracy,
  'norm of the bias': lambda runs: seeds.estimate(seeds.final(runs, BIAS)),
  'of the weights': lambda runs: seeds.estimate(seeds.final(runs, KERNEL)),
}


def section(results: Results, runs: list[Run]) -> str:
  """Draws the figure and returns the text."""
  toy, named = results.page('toy_bias'), seeds.split(runs, '_rate').items()
  groups = {(NAMES[name], rate): group for (name, rate), group in named}
  return pages.render(
    'section_2_bias',
    rate=toy['learning_rate'], toy=toy_table(toy), steps=runs[0].summary['num_steps'],
    table=seeds.table(('statistics', 'learning rate'), groups, COLUMNS),
    figure=_figure(results, runs, groups, toy),
  )  # fmt: skip


def _figure(results: Results, runs, groups, toy) -> str:
  figure, (of_toy, norm, accuracy) = figures.panels(3)
  for row in toy['rows']:
    of_toy.plot(row['bias'], label=row['way'])
  of_toy.set(title='toy, learning rate 0.1', xlabel='training steps')
  of_toy.set(ylabel='b', ylim=(-2, 45))
  of_toy.legend(fontsize=7, loc='upper left')
  colours = {name: f'C{i}' for i, name in enumerate(NAMES.values())}
  at = lambda rate: {name: group for (name, of), group in groups.items() if of == rate}
  style = lambda name: {'color': colours[name]}
  figures.draw_groups(norm, at('0.1'), BIAS, style, title='network, learning rate 0.1')
  norm.set_ylabel('norm of the first bias')
  figures.draw_groups(
    accuracy, at('1.0'), style=style, title='network, learning rate 1', ylim=(0, 1)
  )
  accuracy.set_ylabel('test accuracy')
  return figures.save(figure, results.folder / 'runaway_bias.png', runs, toy)


def toy_table(page: dict[str, Any]) -> str:
  """Where each way of the toy ends."""
  head = ('statistics', 'b at the end', 'largest scale', 'loss', 'loss at the end')
  rows = [
    (row['way'], f'{row["bias"][-1]:.3f}', f'{max(map(abs, row["scale"])):.3f}',
     f'{row["loss"][0]:.4f}', f'{row["loss"][-1]:.4f}')
    for row in page['rows']
  ]  # fmt: skip
  return tables.markdown(head, rows)


def bias_grows(evidence: Evidence) -> Finding:
  """Claim 3, first half."""
  toy = {row['way']: row for row in evidence.page('analysis', 'toy_bias')['rows']}
  running, still = variants(
    evidence, 'analysis', 'runaway_bias',
    'centring_outside_gradient_rate0.1', 'centring_rate0.1',
  )  # fmt: skip
  norms = [run.curves[BIAS] for run in running]
  growth = effects.of_ratios([norm[-1] / norm[len(norm) // 2] for norm in norms])
  norm = effects.of_values(seeds.final(running, BIAS))
  alone = toy['mean, outside the gradient']
  # Curves are committed with six digits; a bias of rounding errors reads as 0.
  largest = max(seeds.final(still, BIAS).max(), 10.0**-collect.DIGITS)
  text = (
    f'the norm of the first bias grows from 0 to '
    f'{norm.text("{:.2f}")}, by a factor of {growth.text("{:.2f}")} in the second half '
    f'of training; where the gradient goes through the mean, it stays '
    f'below {largest:.0e}. In the toy b grows to {alone["bias"][-1]:.1f} in '
    f'100 steps and the loss changes by '
    f'{abs(alone["loss"][-1] / alone["loss"][0] - 1):.0e} of itself'
  )
  return of_seeds(growth, text, running, still)


def worse_with_the_scale(evidence: Evidence) -> Finding:
  """Claim 3, second half."""
  usual, mean_alone, both = variants(
    evidence, 'analysis', 'runaway_bias', 'standardization_rate1.0',
    'centring_outside_gradient_rate1.0', 'standardization_outside_gradient_rate1.0',
  )  # fmt: skip
  text = (
    f'at learning rate 1 the network loses {gain(usual, both).text()} points with mean '
    f'and scale outside the gradient, {gain(usual, mean_alone).text()} with the mean '
    'alone, compared with mean and scale inside it'
  )
  return of_seeds(gain(mean_alone, both), text, usual, mean_alone, both)


CLAIMS: dict[str, Measure] = {'3a': bias_grows, '3b': worse_with_the_scale}
