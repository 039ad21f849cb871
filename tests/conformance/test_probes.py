"""The probes pass what is the paper's, and each mistake shows in its column."""

import json

import numpy as np
import pytest
from conformance_numpy import MISTAKES, Biased, Right

from bn_repro.paper import (
  conformance,
  conformance_carry,
  conformance_cells,
  conformance_columns,
)
from conformance import child
from conformance.probes import carry, plain, training

COLUMNS = {
  column.title: column
  for group in conformance_columns.groups().values()
  for column in group
}
ONE_DEVICE = [n for n in child.PROBES if n not in ('network', 'devices')]


def probed(layer, *names):
  return {name: plain(child.probe(name, layer)) for name in names}


def file_of(name, probes):
  """As run.py writes it."""
  return {
    'name': name, 'title': name, 'package': 'numpy', 'packages': {'numpy': '1'},
    'git_revision': 'abc', 'device': '1 x cpu', 'probes': probes,
  }  # fmt: skip


@pytest.fixture(scope='module')
def right():
  return probed(Right, *ONE_DEVICE)


def test_the_paper_departs_from_itself_in_nothing(right):
  cells = {name: conformance_columns.cell_of(c, right) for name, c in COLUMNS.items()}
  assert not [name for name, cell in cells.items() if cell.departs]
  assert sum(cell.departs is False for cell in cells.values()) >= 9
  assert cells['decay'].text == '0.99' and cells['start'].text == '0, 1'
  assert cells['mean / deviation'].text == '1e+06'


@pytest.mark.parametrize('title', MISTAKES)
def test_a_mistake_shows_in_its_column(title):
  column = COLUMNS[title]
  cell = conformance_columns.cell_of(column, probed(MISTAKES[title], column.probe))
  assert cell.departs, cell


def test_a_network_is_trained_and_population_statistics_take_the_place_of_stored_ones(
  tmp_path, monkeypatch
):
  """After few steps the moving average is still near its start, algorithm 2 is not."""
  draws = np.random.default_rng(0)
  labels = draws.integers(0, 10, 500)
  images = draws.random((500, 60)) < 0.1 + 0.8 * (labels[:, None] == np.arange(60) // 6)
  sizes = (60, 100, 100, 100, 10)
  weights = {f'weights_{i}': draws.normal(0, 0.1, sizes[i : i + 2]) for i in range(4)}
  order = np.stack([draws.permutation(500)[:60] for _ in range(100)])
  path = tmp_path / 'batches.npz'
  np.savez(path, name='made', order=order, images=images, labels=labels,
           test_images=images, test_labels=labels, **weights)  # fmt: skip
  monkeypatch.setenv('CONFORMANCE_DATA', str(path))
  monkeypatch.setattr(training, 'STEPS', 100)
  monkeypatch.setattr(training, 'AT', (1, 100))
  monkeypatch.setattr(training, 'LEARNING_RATE', 0.5)
  made = training.network(Right)['equal']
  assert made['algorithm_2'] > 0.9
  assert made['stored'][1] < 0.5


def test_a_layer_is_carried_over_with_the_factor_of_its_variance(right):
  carried = carry.carried(Biased, {'right': right['carry']})['right']
  assert carried['outputs'] < 1e-6  # the file has nine digits
  steps = carried['next_step']
  # A biased average continues an unbiased one where both have the same factor.
  assert steps['divided'] < steps['as it is'] < steps['times']


def test_kinds_and_not_pairs_have_factors(right):
  """Six pairs of three implementations are told in three lines."""
  layers = {'right': Right, 'biased': Biased, 'too': Biased}
  probes = {'right': right, 'biased': probed(Biased, *ONE_DEVICE)}
  probes['too'] = probes['biased']
  others = {name: made['carry'] for name, made in probes.items()}
  pages = [
    file_of(name, probes[name]) | {'carried': plain(carry.carried(layer, others))}
    for name, layer in layers.items()
  ]
  lines = conformance_carry.factors_table(pages).splitlines()[2:]
  cells = [[cell.strip() for cell in line.split('|')[1:5]] for line in lines]
  assert cells == [
    ['biased', 'biased', 'as it is', '2'],
    ['biased', 'unbiased', '× m / (m − 1)', '2'],
    ['unbiased', 'biased', '× (m − 1) / m', '2'],
  ]
  assert len(conformance_carry.names_table(pages).splitlines()) == 5


def test_outputs_that_differ_are_bold(right):
  off = {'outputs': 0.5, 'next_step': {'as it is': 1.0, 'times': 1.0, 'divided': 1.0}}
  pages = [file_of(name, right) | {'carried': {'a': off, 'b': off}} for name in 'ab']
  table = conformance_carry.factors_table(pages)
  assert '**5e-01**' in table and conformance_carry.NONE in table


def test_the_page_marks_what_departs(right, tmp_path):
  wrong = probed(Biased, *ONE_DEVICE)
  for name, probes in (('ours', right), ('biased', wrong)):
    content = file_of(name, probes) | {'carried': {}}
    (tmp_path / f'{name}.json').write_text(json.dumps(content, allow_nan=False))
  absent = file_of('absent', {}) | {'not_installed': 'no Python 2.7 here'}
  (tmp_path / 'absent.json').write_text(json.dumps(absent))
  conformance.write(tmp_path)
  page = (tmp_path / 'README.md').read_text()
  stored = page.partition('## What is stored')[2].partition('\n## ')[0]
  (line,) = (li for li in stored.splitlines() if li.startswith('| biased'))
  assert '**biased**' in line and 'Ours departs in nothing.' in page
  absent = page.partition('## What did not run')[2].partition('\n## ')[0]
  assert '- absent: no Python 2.7 here' in absent
  assert (tmp_path / 'rounding.png').exists()


@pytest.mark.parametrize('name', ['float32', "<dtype: 'float32'>", 'float'])
def test_a_dtype_has_one_name_in_the_table(name):
  """As NumPy, TensorFlow and tinygrad call it."""
  result = {'dtypes': {'y': name, 'var': name}, 'mean_10': 0.0, 'var_10': 0.0}
  assert conformance_cells.half(result).text.startswith('y float32, stored float32,')
