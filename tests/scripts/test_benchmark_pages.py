"""The page and the tables of results/benchmarks follow from their JSON files."""

import importlib
import json
import shutil
import sys

import pytest

from support import PROJECT, script

sys.path.append(str(PROJECT / 'scripts' / 'benchmarks'))

import page

SCRIPTS = {
  'growth': 'train_step_growth',
  'growth_jax_0.12': 'train_step_growth', 'mnist_jax_0.12': 'mnist',
  'revisions_jax_0.12': 'revisions',
}  # fmt: skip


def committed(name):
  return json.loads((page.RESULTS / f'{name}.json').read_text())


def test_folders_of_tests_are_found_before_scripts():
  places = [sys.path.index(str(PROJECT / name)) for name in ('tests', 'scripts')]
  assert places == sorted(places)


def test_the_page_is_made_from_the_files(tmp_path):
  folder = shutil.copytree(page.RESULTS, tmp_path / 'results')
  page.write_readme(folder)
  names = (page.RESULTS / 'README.md', folder / 'README.md')
  assert len({name.read_text() for name in names}) == 1


def test_every_table_is_measured_again_or_said_to_be_left_out():
  run = script('benchmarks/run')
  left_out = run.__doc__.partition('Left out')[2]
  tables = {path.stem for path in page.RESULTS.glob('*.json')}
  of_jax_0_12 = {'growth_jax_0.12', 'mnist_jax_0.12', 'revisions_jax_0.12'}
  assert tables - {*run.NAMES} == of_jax_0_12
  assert all(f'--name={name}' in left_out for name in tables - {*run.NAMES})


def test_networks_are_measured_on_one_core_as_they_were_trained(monkeypatch):
  networks, tasks = script('benchmarks/networks'), []
  monkeypatch.setattr(sys, 'argv', ['networks.py'])
  options = networks.main.__self__._options()

  def process(module, variables, **task):
    tasks.append(task)
    return {'device': 'a cpu', 'seconds_per_step': 1.0}

  monkeypatch.setattr(networks.harness, 'process', process)
  networks.measure(options)
  assert {task['cores'] for task in tasks} == {1}


@pytest.mark.parametrize(
  'name',
  ['decode', 'growth', 'growth_jax_0.12', 'inference', 'mnist', 'mnist_growth',
   'mnist_jax_0.12', 'networks',
   'parallel_cost', 'parallel_growth', 'revisions',
   'revisions_jax_0.12', 'start', 'train_step', 'waiting'],
)  # fmt: skip
def test_a_table_is_made_from_its_rounds(name):
  """Every column, in its order."""
  benchmark, content = script(f'benchmarks/{SCRIPTS.get(name, name)}'), committed(name)
  table = benchmark.table(content)
  assert json.dumps(table) == json.dumps(content['table'])


def test_the_table_of_layers_is_made_from_its_rounds():
  """Its file has no memory but in the table."""
  benchmark, content = script('benchmarks/batch_norm'), committed('batch_norm')
  keys = ('temporary, MB', 'kept, MB')
  memory = {}
  for row in content['table']:
    of_row = {key: row[key] for key in keys if key in row}
    memory.setdefault(row['shape'], {})[row['layer']] = of_row
  table = benchmark.table(content | {'memory': memory})
  assert json.dumps(table) == json.dumps(content['table'])


def test_the_prediction_is_made_from_what_was_counted():
  benchmark = script('benchmarks/parallel_prediction')
  rows = benchmark.rows(committed('parallel_cost')['cases'])
  assert json.dumps(rows) == json.dumps(committed('parallel_prediction')['table'])


FACTS = {
  'batch_norm': {'rounds': 21},
  'growth': {'rounds': 6, 'title': '64 pixels, width 0.25, batch 32, float32'},
  'mnist': {'rounds': 7, 'data_set': 'MNIST'},
  'mnist_growth': {'rounds': 3},
  'networks': {'rounds': 4, 'data': 'imagenette_160'},
  'parallel_cost': {'devices': 8, 'images': 32},
  'parallel_growth': {'rounds': 9, 'width': 0.0625, 'batch': 64, 'steps': 4},
  'start': {'rounds': 3},
  'train_step': {'rounds': 6, 'side': 2048},
  'waiting': {'rounds': 3},
}


@pytest.mark.parametrize('name', FACTS)
def test_the_words_above_a_table(name):
  assert page.about_of(name, **FACTS[name]) == committed(name)['about']


def test_the_words_that_name_versions():
  benchmark, content = importlib.import_module('decode'), committed('decode')
  facts = benchmark.facts(content['rounds'])
  assert page.about_of('decode', rounds=5, **facts) == content['about']
