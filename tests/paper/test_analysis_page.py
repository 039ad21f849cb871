"""results/analysis follows from the files beside it, number by number."""

import json
import math

import numpy as np
import pytest
from PIL import Image

from bn_repro.paper import after_the_paper, analysis_page
from bn_repro.paper import section_3_3_scale as scale
from bn_repro.report import collect, seeds
from bn_repro.report.collect import Run
from bn_repro.report.pages import Results
from bn_repro.training import sweep
from support import PROJECT

RESULTS = PROJECT / 'results' / 'analysis'


def run(name, accuracies, seed=0, diverged=False, **columns):
  """With these test accuracies in percent, every 250 steps."""
  accuracies = np.asarray(accuracies, float) / 100
  curves = {'step': 250.0 * np.arange(len(accuracies)), 'test_accuracy': accuracies}
  curves |= {column: np.asarray(values, float) for column, values in columns.items()}
  summary = {'config': {'seed': seed}, 'diverged': diverged}
  return Run(f'{name}_seed{seed}', summary, curves)


def test_variants_are_what_comes_before_the_seed():
  runs = [run('a_x10', [1], seed=1), run('b', [1]), run('a_x10', [2])]
  found = seeds.by_variant(runs)
  assert [one.config['seed'] for one in found['a_x10']] == [0, 1]
  assert found.keys() == {'a_x10', 'b'}


def test_final_and_average_of_a_column():
  runs = [run('a', [0, 40, 60]), run('a', [0, 50, 70], seed=1)]
  np.testing.assert_allclose(seeds.final(runs), [0.6, 0.7])
  np.testing.assert_allclose(seeds.average(runs, 'test_accuracy'), [0.5, 0.6])


def test_of_a_run_that_diverged_nothing_is_final():
  runs = [run('a', [0, 40]), run('a', [0, 50], diverged=True)]
  assert math.isnan(seeds.final(runs)[1])
  assert seeds.percent(seeds.final(runs)) == '1 of 2 diverged'


def test_an_estimate_is_the_mean_with_students_interval():
  """Three values: 4.303 standard errors either way."""
  half = 4.3027 * 1 / math.sqrt(3)
  expected = f'2.00 ({2 - half:.2f} to {2 + half:.2f})'
  assert seeds.estimate(np.asarray([1.0, 2.0, 3.0])) == expected
  assert seeds.estimate(np.asarray([2.0])) == '2.00'
  assert seeds.percent(np.asarray([0.5, 0.5])) == '50.00 % (50.00 to 50.00)'


def test_the_moving_average_is_off_by_absolute_differences():
  """Up to step 500 and after it; step 0 does not count."""
  tracked = np.asarray([0.5, 0.3, 0.5, 0.71])
  one = run('decay0.9_rate1.0', [50, 40, 60, 70], test_accuracy_moving_average=tracked)
  early, after = after_the_paper.early_and_after([one])
  assert early == [pytest.approx(0.1)] and after == [pytest.approx(0.01)]


def test_the_gap_is_training_less_test():
  one = run('a', [0, 90], train_accuracy_undistorted=[0, 0.97])
  np.testing.assert_allclose(seeds.gaps([one]), [0.07])


def test_deviations_are_the_largest_of_an_epsilon():
  row = lambda epsilon, moved, weights, images: {
    'epsilon': epsilon, 'inputs_moved': moved, 'gradient_of_images': images,
    'gradient_of_weights_times_factor': weights,
  }  # fmt: skip
  rows = [row(0.0, 0.1, 1.2, 1), row(0.0, 0.2, 0.9, 0.5), row(None, 3, 1, 1)]
  largest = scale.deviations({'rows': rows})
  assert largest[0.0] == pytest.approx((0.2, 0.2, 0.5)) and largest[None] == (3, 0, 0)


def test_networks_at_a_rate_are_compared_seed_by_seed():
  of = {'batch_norm': (80, 91), 'baseline': (70, 60)}
  runs = [
    run(f'{network}_rate{rate}', [0, last + seed], seed=seed)
    for network, ends in of.items()
    for rate, last in zip(('10.0', '0.01'), ends)
    for seed in (1, 0)
  ]
  rates = after_the_paper.by_rate(runs)
  assert list(rates) == [0.01, 10.0]
  np.testing.assert_allclose(after_the_paper.differences(rates[0.01]), [0.31, 0.31])


def test_factors_are_in_order():
  runs = [run(f'batch_norm_x{factor}', [1]) for factor in (10, 0.01, 1)]
  assert list(scale.of_network(runs)['batch_norm']) == [0.01, 1, 10]


def test_what_was_not_run_is_said(tmp_path):
  results = Results(tmp_path, figures=tmp_path)
  assert analysis_page.text(results).count(analysis_page.NOT_RUN) == len(
    analysis_page.SECTIONS
  )


@pytest.fixture(scope='module')
def made(tmp_path_factory):
  """The committed numbers, and the page and figures made from them once more."""
  folder = tmp_path_factory.mktemp('analysis')
  return analysis_page.text(Results(RESULTS, figures=folder)), folder


@pytest.mark.slow
def test_the_committed_page_is_made_from_the_files_beside_it(made):
  assert (RESULTS / 'README.md').read_text() == made[0]


@pytest.mark.slow
def test_the_committed_figures_were_drawn_from_them(made):
  drawn = sorted(made[1].glob('*.png'))
  assert [path.name for path in drawn] == sorted(p.name for p in RESULTS.glob('*.png'))
  for path in drawn:
    with Image.open(path) as ours, Image.open(RESULTS / path.name) as committed:
      assert ours.text['Description'] == committed.text['Description'], path.name


def test_the_committed_runs_are_those_of_the_sweeps():
  for name in analysis_page.SWEEPS:
    asked = sweep.read(PROJECT / 'configs' / 'analysis' / f'{name}.py')
    found = {run.name: run for run in collect.load(RESULTS, name)}
    assert found.keys() <= {run.name for run in asked}
    for run in asked:
      if run.name in found:
        config = json.loads(json.dumps(run.load().to_dict()))
        expected = dict(_flat(config)) | {'seed': run.overrides['seed']}
        assert found[run.name].config == expected
        assert not found[run.name].summary['git_revision'].endswith('dirty')


def _flat(tree, prefix=''):
  for name, value in tree.items():
    if isinstance(value, dict):
      yield from _flat(value, f'{prefix}{name}.')
    else:
      yield f'{prefix}{name}', value
