"""Every implementation has an adapter and an environment of pinned packages."""

import ast
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest

from bn_repro.paper import conformance_columns
from conformance import environments, run
from conformance.environments import NotInstalled, implementations
from support import PROJECT


def test_each_implementation_has_an_adapter_and_pinned_packages():
  for one in implementations().values():
    adapter = PROJECT / 'conformance' / 'adapters' / f'{one.adapter}.py'
    assert 'class Layer' in adapter.read_text()
    pinned = {environments.name_of(p): p for p in one.environment['packages']}
    assert '==' in pinned[one.package] or one.package == 'jax'
    assert all('==' in p or '<' in p for p in pinned.values())


def test_another_version_is_another_environment():
  one = next(iter(implementations().values())).environment
  other = one | {'packages': [*one['packages'], 'numpy==1']}
  assert environments.digest(one) != environments.digest(other)


def test_a_python_that_is_not_there_is_said(monkeypatch, tmp_path):
  monkeypatch.setenv('PYENV_ROOT', str(tmp_path))
  with pytest.raises(NotInstalled, match=r'no Python 2\.2 on PATH'):
    environments.find_python('2.2')


def test_two_calls_at_a_time_make_one_environment(monkeypatch, tmp_path):
  """The second would remove what the first has half made."""
  commands = []

  def run(command):
    commands.append(command)
    time.sleep(0.1)
    (tmp_path / environments.digest(wanted)).mkdir(exist_ok=True)

  wanted = {'python': '3.11', 'packages': ['numpy==1']}
  monkeypatch.setattr(environments, '_run', run)
  monkeypatch.setattr(environments, 'find_python', lambda version: version)
  with ThreadPoolExecutor(2) as threads:
    made = {*threads.map(environments.make, [wanted] * 2, [tmp_path] * 2)}
  assert len(made) == 1 and len(commands) == 2  # venv and pip, once each


def test_what_is_done_is_not_run_again(tmp_path):
  one = implementations()['ours']
  (tmp_path / 'ours.json').write_text('{"probes": {"defaults": {}}}')
  assert run.missing(one, ['defaults', 'carry'], tmp_path) == ['carry']
  assert run.missing(one, ['defaults'], tmp_path / 'empty') == ['defaults']


def not_installed(*_):
  raise NotInstalled('ERROR: no wheel')


def test_what_does_not_install_gets_a_file_with_its_error(monkeypatch, tmp_path):
  one = implementations()['tf_slim_layer']
  monkeypatch.setattr(environments, 'make', not_installed)
  run.one_implementation(one, ['defaults'], tmp_path, tmp_path, mock.Mock())
  page = json.loads((tmp_path / 'tf_slim_layer.json').read_text())
  assert page['not_installed'] == 'ERROR: no wheel' and page['probes'] == {}


def test_what_was_measured_elsewhere_stays(monkeypatch, tmp_path):
  one, path = implementations()['mxnet_layer'], tmp_path / 'mxnet_layer.json'
  text = '{"probes": {"carry": {"mean": [0.0]}}}'
  path.write_text(text)
  monkeypatch.setattr(environments, 'make', not_installed)
  run.one_implementation(one, ['defaults'], tmp_path, tmp_path, mock.Mock())
  run.carry_over([one], tmp_path, tmp_path)
  assert path.read_text() == text


def adapter_names(name):
  """The NAMES of the adapter's class, from its text, or of the one that it extends."""
  folder = PROJECT / 'conformance' / 'adapters'
  text = (folder / f'{name}.py').read_text()
  if found := re.search(r'^  NAMES = (.*)$', text, re.MULTILINE):
    return ast.literal_eval(found[1])
  return adapter_names(re.search(r'^class Layer\((\w+)\.\w+\)', text, re.M)[1])


def test_the_page_names_options_as_the_adapters_set_them():
  names = conformance_columns.words()['names']
  assert set(names) == set(implementations())
  for name, said in names.items():
    options = adapter_names(implementations()[name].adapter)
    assert {option: said[option] for option in options} == options, name
