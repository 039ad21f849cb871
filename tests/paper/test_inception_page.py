"""The page of figures 2 and 3 is that of the runs, of whichever there are."""

import re
import shutil

import pytest
from paper.inception_made import BN_X5, PLAIN, learning, networks
from PIL import Image

from bn_repro.paper import inception_page
from bn_repro.paper import section_4_2_networks as family
from bn_repro.report import collect
from bn_repro.run.errors import UserError
from bn_repro.training import sweep
from support import PROJECT

RESULTS = PROJECT / 'results' / 'inception'


def short(network, steps, name='', **config):
  """A run of six thousand steps."""
  return learning(network, steps, name=name, horizon=6_000, **config)


def shown_by(monkeypatch, sweeps):
  monkeypatch.setattr(
    inception_page.collect, 'load', lambda _, name: sweeps.get(name, [])
  )


@pytest.mark.parametrize(
  'sweep_name, runs',
  [
    ('learning_rates', [short('inception', 9_000, learning_rate=0.0075)]),
    ('ablation', [short('bn_x5', 4_000, 'bn_x5_without_l2')]),
  ],
)
def test_a_sweep_of_which_the_other_side_is_still_to_be_run(
  tmp_path, monkeypatch, sweep_name, runs
):
  """Rates of the plain network alone; a change, and BN-x5 not at all."""
  shown_by(monkeypatch, {'networks': PLAIN[:1], sweep_name: runs})
  inception_page.write(tmp_path)
  text = (tmp_path / 'README.md').read_text()
  assert '**Both sides at their best learning rate**' not in text
  assert f'took {1 + len(runs)} h of one core' in text
  assert '- `inception_networks`, 14 of 15: bn_baseline_seed0, ' in text


def test_a_page_is_written_from_whatever_has_been_run(tmp_path, monkeypatch):
  """From the plain network alone to all sweeps."""
  ablated = [
    short('bn_x5', 4_000, f'bn_x5_without_{name}') for name in ('l2', 'dropout')
  ]
  rates = [
    short('inception', 9_000, learning_rate=0.0075, diverged=True),
    short('bn_x5', 4_000, learning_rate=0.1),
    short('inception_sigmoid', 1e12),
  ]
  whole = {
    'networks': [run for runs in networks().values() for run in runs],
    'learning_rates': rates, 'ablation': ablated, 'normalization': BN_X5[:1],
  }  # fmt: skip
  for number in range(1, 5):
    shown = dict(list(whole.items())[:number])
    shown_by(monkeypatch, shown)
    inception_page.write(tmp_path)
    text = (tmp_path / 'README.md').read_text()
    assert ('## The seven changes' in text) == ('ablation' in shown)
    assert '**Not trained yet:** BN-x30, BN-x5-Sigmoid.' in text
    assert '## Deviations from the paper' in text
    assert ('1 diverged' in text) == ('learning_rates' in shown)
    assert ('(1 at chance)' in text) == ('learning_rates' in shown)
    row = r'\| BN-x5, 32 in groups of 32, float32 +\| +-1\.0 \| +-1\.0 \| +1\.0 \|'
    assert bool(re.search(row, text)) == ('normalization' in shown)
  pictures = {path.stem for path in tmp_path.glob('*.png')}
  assert pictures == {path.stem for path in tmp_path.glob('*.svg')}
  assert pictures == {
    'figure2', 'speed_up', 'runtimes', 'learning_rates', 'ablation', 'overfitting',
  }  # fmt: skip


def test_without_the_plain_network_there_is_no_page(tmp_path, monkeypatch):
  monkeypatch.setattr(inception_page.collect, 'load', lambda _, name: BN_X5)
  with pytest.raises(UserError, match='no run of inception'):
    inception_page.write(tmp_path)


@pytest.fixture(scope='module')
def committed():
  return {name: collect.load(RESULTS, name) for name in inception_page.SWEEPS}


def test_the_page_and_its_figures_made_again_are_those_committed(tmp_path):
  """A PNG names the numbers that it shows by their digest."""
  for path in [*RESULTS.glob('*.json'), *RESULTS.glob('*.csv')]:
    shutil.copy(path, tmp_path)
  inception_page.write(tmp_path)
  made = {path.name for path in tmp_path.iterdir()}
  assert made | {'protocol.md', 'history'} == {path.name for path in RESULTS.iterdir()}
  assert (tmp_path / 'README.md').read_text() == (RESULTS / 'README.md').read_text()
  for path in tmp_path.glob('*.png'):
    with Image.open(path) as again, Image.open(RESULTS / path.name) as drawn:
      assert again.text['Description'] == drawn.text['Description']


@pytest.mark.parametrize('name', inception_page.SWEEPS)
def test_the_runs_are_some_of_the_sweeps(committed, name):
  """Of those that asked for it, with the very config, from a clean commit."""
  path = PROJECT / 'configs' / 'sweeps' / f'inception_{name}.py'
  asked = {run.name: run for run in sweep.read(path)}
  for run in committed[name]:
    wanted = dict(asked[run.name].overrides)
    assert {field: run.config[field] for field in wanted} == wanted
    assert len(run.summary['git_revision']) == 40
    best = run.summary['best_test_accuracy']
    assert family.best(run) == round(best, collect.DIGITS)
    assert run.curves['step'][-1] == run.summary['last_step']
