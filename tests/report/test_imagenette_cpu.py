"""results/imagenette_cpu follows from the files beside it."""

import json

import pytest
from PIL import Image

from bn_repro import sweep
from bn_repro.report import collect, figures, imagenette_cpu
from support import PROJECT

RESULTS = PROJECT / 'results' / 'imagenette_cpu'


@pytest.fixture(scope='module')
def runs():
  return collect.load(RESULTS, 'networks')


def test_the_page_is_made_from_the_runs(runs):
  assert (RESULTS / 'README.md').read_text() == imagenette_cpu.text(runs)


def test_the_readme_has_the_table(runs):
  assert imagenette_cpu.headline(runs) in (PROJECT / 'README.md').read_text()


def test_the_figure_was_drawn_from_the_runs(runs):
  with Image.open(RESULTS / 'curves.png') as picture:
    assert picture.text['Description'] == figures.digest(runs)


def test_the_runs_are_those_of_the_sweep(runs):
  asked = sweep.read(PROJECT / 'configs' / 'sweeps' / 'imagenette_cpu.py')
  assert {run.name for run in asked} == {run.name for run in runs}
  for run in asked:
    (found,) = (other for other in runs if other.name == run.name)
    wanted = json.loads(json.dumps(run.load().to_dict()))
    assert found.config['learning_rate'] == wanted['learning_rate']
    assert found.config['train_for'] == wanted['train_for'] == '15 epochs'


def test_it_learns(runs):
  """Both are far above chance, and the summaries agree with the curves."""
  for run in runs:
    assert run.summary['final_test_accuracy'] > 0.3
    last = run.summary['num_steps']
    assert run.accuracy_at(last) == pytest.approx(
      run.summary['final_test_accuracy'], abs=1e-6
    )
