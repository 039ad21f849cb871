"""Every implementation has an adapter and an environment of pinned packages."""

import pytest

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


def test_what_is_done_is_not_run_again(tmp_path):
  one = implementations()['ours']
  (tmp_path / 'ours.json').write_text('{"probes": {"defaults": {}}}')
  assert run.missing(one, ['defaults', 'carry'], tmp_path) == ['carry']
  assert run.missing(one, ['defaults'], tmp_path / 'empty') == ['defaults']
