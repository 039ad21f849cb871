"""What is committed in results/mnist is what its runs say."""

import numpy as np
import pytest
from PIL import Image

from bn_repro.paper import section_4_1_figure_1 as mnist
from bn_repro.report import collect, figures, tables
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


def test_the_tables_in_the_readme_are_those_of_the_runs(runs, tmp_path):
  copy = tmp_path / 'README.md'
  copy.write_text((PROJECT / 'README.md').read_text())
  tables.replace_block(copy, 'mnist tables', mnist.headline(*runs.values()))
  assert copy.read_text() == (PROJECT / 'README.md').read_text()


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
