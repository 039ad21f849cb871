"""results/analysis follows from the files beside it, number by number."""

import json
import shutil

import pytest
from PIL import Image

from bn_repro.paper import analysis_page
from bn_repro.report import collect
from bn_repro.report.pages import Results
from bn_repro.training import sweep
from support import PROJECT

RESULTS = PROJECT / 'results' / 'analysis'


def test_what_was_not_run_is_said(tmp_path):
  text = analysis_page.text(Results(tmp_path))
  assert text.count(analysis_page.NOT_RUN) == len(analysis_page.SECTIONS)


@pytest.fixture(scope='module')
def made(tmp_path_factory):
  """The committed numbers, and the page and figures made from them once more."""
  folder = tmp_path_factory.mktemp('analysis')
  for path in (*RESULTS.glob('*.json'), *RESULTS.glob('*.csv')):
    shutil.copy(path, folder)
  return analysis_page.text(Results(folder)), folder


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
