"""What is committed in results/mnist follows from its runs; claims 1 and 2."""

import numpy as np
import pytest
from paper.claims_made import Made, measured, seeds, verdict
from PIL import Image

from bn_repro.paper import section_4_1_figure_1 as mnist
from bn_repro.paper.ledger import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from bn_repro.report import collect, figures
from bn_repro.training import sweep
from support import PROJECT

RESULTS = PROJECT / 'results' / 'mnist'
SWEEPS = {'figure1': 'figure1.png', 'grid': 'grid.png'}


@pytest.fixture(scope='module')
def runs():
  return {name: collect.load(RESULTS, name) for name in SWEEPS}


def test_the_report_made_again_is_the_one_committed(runs):
  again = mnist.text(runs['figure1'], runs['grid'])
  assert again == (RESULTS / 'README.md').read_text()


@pytest.mark.parametrize('name', SWEEPS)
def test_figures_were_drawn_from_the_committed_curves(runs, name):
  """A PNG names the numbers that it shows by their digest."""
  with Image.open(RESULTS / SWEEPS[name]) as image:
    assert image.text['Description'] == figures.digest(runs[name])


@pytest.mark.parametrize('name', SWEEPS)
def test_summaries_follow_from_the_curves(runs, name):
  for run in runs[name]:
    accuracy, summary = run.curves['test_accuracy'], run.summary
    assert accuracy.max() == pytest.approx(summary['best_test_accuracy'], abs=1e-6)
    if not summary['diverged']:
      assert run.accuracy_at(summary['num_steps']) == pytest.approx(
        summary['final_test_accuracy'], abs=1e-6
      )
    for target, step in summary['steps_to_target'].items():
      assert run.steps_to(float(target)) == (step or np.inf)


@pytest.mark.parametrize('name', SWEEPS)
def test_every_number_says_where_it_came_from(runs, name):
  for run in runs[name]:
    assert run.summary['dataset'] == 'mnist'
    assert len(run.summary['git_revision']) == 40  # a clean commit
    assert run.summary['device'] and run.summary['versions']['jax']


def test_the_runs_are_those_of_the_sweeps(runs):
  for name, of_sweep in runs.items():
    asked = sweep.read(PROJECT / 'configs' / 'sweeps' / f'mnist_{name}.py')
    assert {run.name for run in asked} == {run.name for run in of_sweep}
    configs = {run.name: run.config for run in of_sweep}
    for run in asked:
      expected = configs[run.name]
      assert {k: expected[k] for k in run.overrides} == dict(run.overrides)


def with_drift(runs, drift):
  for one in runs:
    one.summary['percentile_drift'] = {
      percentile: dict.fromkeys(
        ('relative', 'range'), drift + 0.01 * one.config['seed']
      )
      for percentile in ('15', '50', '85')
    }
  return runs


SLOW = [[10, 80, 90, 95.2, 96], [10, 80, 91, 95.1, 96.1], [10, 81, 90, 95.3, 96.2]]
QUICK = [[10, 95.5, 96, 97, 97.5], [10, 95.1, 96, 97, 97.6], [10, 95.4, 96, 97, 97.4]]


def test_1_faster_and_higher():
  made = Made(figure1=[*seeds('baseline', *SLOW), *seeds('batch_norm', *QUICK)])
  # step 300 against step 100
  assert measured('1a', made).effect.value == pytest.approx(3)
  assert measured('1b', made).effect.value == pytest.approx(1.4)
  assert verdict('1b', made) == SUPPORTED
  even = Made(figure1=[*seeds('baseline', *SLOW), *seeds('batch_norm', *SLOW[::-1])])
  assert verdict('1b', even) == INCONCLUSIVE


def test_a_seed_that_misses_a_target_leaves_no_speed_up():
  """Its steps are not known; the mean of the others would favour its network."""
  late = [*SLOW[:2], [10, 80, 90, 94.9, 94.9]]
  runs = [*seeds('baseline', *late), *seeds('batch_norm', *QUICK)]
  said = lambda target: mnist._speed_up(runs[:3], runs[3:], target)
  assert said(0.9) == '2.0 times fewer to 90 %'
  assert said(0.95) == 'not known to 95 %, which 1 of 6 runs miss'
  made = Made(figure1=runs)
  assert verdict('1a', made) == INCONCLUSIVE
  finding = measured('1a', made)
  assert finding.text == '1 of 6 runs do not reach 95 %' and finding.too_little
  assert np.isnan(finding.effect[:3]).all()


@pytest.mark.parametrize('number, cell', [(3, '0.31 ± 0.01'), (1, '0.30')])
def test_one_seed_has_no_standard_deviation(number, cell):
  """As in the other tables; the cells were '0.30 ± nan'."""
  runs = with_drift(seeds('baseline', *SLOW[:number]), 0.3)
  line = mnist._drift_table({'without BN': runs}).splitlines()[2]
  assert [of.strip() for of in line.split('|')[3:5]] == [cell, cell]


@pytest.mark.parametrize('drift, expected', [(0.1, SUPPORTED), (0.5, CONTRADICTED)])
def test_2_steadier(drift, expected):
  runs = [*with_drift(seeds('baseline', *SLOW), 0.3),
          *with_drift(seeds('batch_norm', *QUICK), drift)]  # fmt: skip
  assert verdict('2', Made(figure1=runs)) == expected
