"""The numbers of the README's first lines are those of the committed runs."""

import json
import re

import pytest

from bn_repro.paper import inception_page
from bn_repro.paper import section_4_2_1_changes as changes
from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper import section_4_2_networks as family
from bn_repro.paper import section_4_2_rates as rates
from bn_repro.paper import section_4_2_stage_2a as stage_2a
from bn_repro.report import best_rate as best_lib
from bn_repro.report import collect
from bn_repro.report.speed_up import speed_up
from support import PROJECT

RESULTS = PROJECT / 'results' / 'inception'
NUMBER = r'(\d+(?:\.\d+)?)'


@pytest.fixture(scope='module')
def runs():
  return {name: collect.load(RESULTS, name) for name in inception_page.BEFORE}


@pytest.fixture(scope='module')
def first(runs):
  """The runs before the protocol, as the page of learning rates has them."""
  return family.by_network([*runs['networks'], *runs['decay']])


@pytest.fixture(scope='module')
def compared():
  """Those of figure 3, with whole stages of the protocol."""
  return family.figure_3(lambda name: collect.load(RESULTS, name))


@pytest.fixture(scope='module')
def readme():
  text = (PROJECT / 'README.md').read_text()
  return ' '.join(text.partition('**What came out.**')[2].partition('## ')[0].split())


@pytest.fixture(scope='module')
def guide():
  return ' '.join((PROJECT / 'results/reading_guide.md').read_text().split())


def said(readme, pattern):
  """Value, low and high of a phrase."""
  match = re.search(pattern.replace('#', NUMBER), readme)
  assert match, pattern
  return [float(number) for number in match.groups()]


def rounded_as(said, effect, digits=1):
  return said == [round(float(value), digits) for value in effect[:3]]


@pytest.mark.parametrize(
  'page, name, pattern',
  [
    ('readme', 'bn_x30',
     r'BN-x30 reaches 75 % accuracy in # times fewer .*?interval # to #\)'),
    ('readme', 'bn_baseline', r'BN alone, .*? is # times as fast to 75 % \(# to #\)'),
    ('readme', 'bn_x5', r'BN-x5 is # times as fast to 75 % \(# to #; 14.8'),
    ('readme', 'bn_x5_decay_of_inception',
     r'slower decay of Inception # times \(# to #\)'),
    ('readme', 'bn_x5_sigmoid', r'With sigmoids it is # times as fast \(# to #\)'),
    ('guide', 'bn_x30',
     r'BN-x30 needs # times fewer steps to 75 % than Inception \(# to #\)'),
    ('guide', 'bn_baseline', r'BN alone is # times as fast \(# to #\)'),
    ('guide', 'bn_x5', r'BN-x5 is # times as fast \(# to #\)'),
    ('guide', 'bn_x5_decay_of_inception',
     r'slower decay of Inception # times \(# to #\)'),
  ],
)  # fmt: skip
def test_speed_ups(request, compared, page, name, pattern):
  """With two digits where the interval ends beside 1, which one would hide."""
  effect = speed_up(compared, name, 'inception', comparison.TARGET)
  digits = 2 if name == 'bn_baseline' else 1
  assert rounded_as(said(request.getfixturevalue(page), pattern), effect, digits)


def test_the_start_with_sigmoids(guide, compared):
  effect = speed_up(compared, 'bn_x5_sigmoid', 'inception', 0.5)
  pattern = r'# times as fast as Inception to 50 % \(# to #\)'
  assert rounded_as(said(guide, pattern), effect)


def test_the_readme_says_how_many_seeds(readme, compared):
  numbers = sorted({len(runs) for runs in compared.values()})
  words = [('no', 'one', 'two', 'three')[number] for number in numbers]
  assert f'{" or ".join(words)} seeds' in readme


def test_both_sides_at_their_best_learning_rate(readme, runs, first):
  chosen = rates.at_best_rates(first, runs['learning_rates'])
  effect = speed_up(chosen, 'bn_x5', 'inception', rates.TARGET)
  pattern = r'then reaches 50 % in # times fewer steps \(# to #\)'
  assert rounded_as(said(readme, pattern), effect)
  literal = speed_up(first, 'bn_x30', 'inception', rates.TARGET)
  pattern = r'learning rates of the paper, in # times fewer \(# to #\)'
  assert rounded_as(said(readme, pattern), literal)


def test_what_five_times_the_learning_rate_is_worth(readme, runs, first):
  effect = changes.compare(first, runs['ablation']).accuracy('learning_rate')
  pattern = r'five times the learning rate is worth # points .*?\(# to #\)'
  assert rounded_as(said(readme, pattern), effect, digits=0)


def test_the_best_learning_rates_of_annealed_runs(guide):
  summary = ' '.join((PROJECT / 'docs/reproducibility.md').read_text().split())
  runs = collect.load(RESULTS, stage_2a.STAGE)
  by_rate = stage_2a.ladders(stage_2a.trained(runs), family.rate_of)
  best = {name: best_lib.best_rate(of_one) for name, of_one in by_rate.items()}
  pattern = r'Inception is best at # \(# to #\), twelve times its 0.0015'
  assert rounded_as(said(guide, pattern), best['inception'].rate, digits=4)
  pattern = '# is best for the recipe of BN-x5 and # without BN'
  tuned = [round(best[name].rate.value, 4) for name in ('bn_x5', 'inception')]
  assert said(summary, pattern) == tuned
  for name, pattern in {
    'bn_baseline': r'BN alone at # times that \(# to #\)',
    'bn_x5': r'the recipe of BN-x5 at # times \(# to #\)',
  }.items():
    ratio = best_lib.ratio(best[name], best['inception'])
    assert rounded_as(said(guide, pattern), ratio)


def test_what_32_times_the_learning_rate_costs(guide):
  """Claim 16, whose interval follows from all runs of its stage."""
  claims = json.loads((PROJECT / 'results/claims.json').read_text())
  (claim,) = (claim for claim in claims if claim['number'] == 16)
  pattern = r'stays inconclusive \(16: \+# points, -# to \+#\)'
  effect = claim['value'], -claim['low'], claim['high']
  assert claim['verdict'] == 'inconclusive' and rounded_as(said(guide, pattern), effect)
