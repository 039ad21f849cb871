"""A config's neighbours are those of its own folder, wherever a program is started."""

import re
import shutil
import sys
import tomllib

import pytest

from bn_repro.run import config as config_lib
from bn_repro.run import config_files
from bn_repro.run.errors import UserError
from bn_repro.training import sweep
from support import PROJECT

STRANGERS = 'raise RuntimeError("not a neighbour")\n'
SWEEP = "def get_runs():\n  return [('a', 'configs/bn_x5.py:digits', {})]\n"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
  """Another directory, first on the path, with a `configs` that is none of ours."""
  place = tmp_path / 'elsewhere'
  (place / 'configs').mkdir(parents=True)
  for name in ('__init__', 'datasets', 'inception', 'bn_x5'):
    (place / 'configs' / f'{name}.py').write_text(STRANGERS)
  monkeypatch.chdir(place)
  monkeypatch.syspath_prepend(place)
  for name in [n for n in sys.modules if n.partition('.')[0] == 'configs']:
    monkeypatch.delitem(sys.modules, name)
  return place


@pytest.fixture
def copy(tmp_path):
  """A user's copy of configs/, in which the rate is another."""
  copy = tmp_path / 'mine' / 'configs'
  shutil.copytree(PROJECT / 'configs', copy)
  text = (copy / 'inception.py').read_text()
  (copy / 'inception.py').write_text(text.replace('RATE = 0.0015', 'RATE = 0.5'))
  return copy


def test_the_configs_of_a_checkout_from_another_directory(elsewhere):
  config = config_lib.load(f'{PROJECT}/configs/bn_x30.py:digits')
  assert config.learning_rate == 30 * 0.0015


@pytest.mark.parametrize('name', ['configs', 'networks'])
def test_a_copy_takes_its_own_neighbours(elsewhere, copy, name):
  """Also one of another name; and the original its own, before and after."""
  moved = copy.rename(copy.with_name(name))
  rates = [
    config_lib.load(f'{folder}/bn_x30.py:digits').learning_rate
    for folder in (PROJECT / 'configs', moved, PROJECT / 'configs')
  ]
  assert rates == [30 * 0.0015, 30 * 0.5, 30 * 0.0015]


@pytest.mark.parametrize('folder', ['.', 'configs', 'configs/more'])
def test_a_config_of_ones_own_derives_from_ours(tmp_path, elsewhere, folder):
  place = tmp_path / 'project' / folder
  place.mkdir(parents=True)
  text = 'from configs import bn_x30\n\n\ndef get_config():\n  '
  (place / 'own.py').write_text(f"{text}return bn_x30.get_config('digits')\n")
  assert config_lib.load(f'{place}/own.py').network == 'bn_x30'


def test_a_single_neighbour_is_taken(tmp_path):
  """And ours where there is none; a file that happens to be called so is none."""
  text = (PROJECT / 'configs' / 'inception.py').read_text()
  own = tmp_path / 'own.py'
  own.write_text((PROJECT / 'configs' / 'bn_x30.py').read_text())
  (tmp_path / 'datasets.py').write_text('raise ValueError')
  rate = config_lib.load(f'{own}:digits').learning_rate
  changed = re.sub('^LEARNING_RATE = .*', 'LEARNING_RATE = 1.0', text, flags=re.M)
  (tmp_path / 'datasets.py').unlink()
  (tmp_path / 'inception.py').write_text(changed)
  assert config_lib.load(f'{own}:digits').learning_rate == 30 != rate


def test_neighbours_in_folders_below(elsewhere, copy):
  config = config_lib.load(f'{copy}/analysis/placement.py:after')
  assert config.variant.placement == 'after'
  assert sys.modules['configs.mnist'].__file__ == str(copy / 'mnist.py')


def test_ours_are_there_in_any_directory(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  assert config_lib.load('configs/bn_x5.py:digits').network == 'bn_x5'
  assert len(sweep.read(config_files.Path('configs/sweeps/quickstart.py'))) == 6
  with pytest.raises(UserError, match=r'configs/bn_x30\.py, .*configs/mnist\.py'):
    config_lib.load('configs/nope.py')


def test_what_lies_there_comes_first(tmp_path, monkeypatch, copy):
  monkeypatch.chdir(copy.parent)
  assert config_lib.load('configs/bn_x5.py:digits').learning_rate == 5 * 0.5


def test_the_sweep_of_a_copy_runs_its_configs(copy, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (copy / 'sweeps' / 'own.py').write_text(SWEEP)
  (run,) = sweep.read(copy / 'sweeps' / 'own.py')
  assert run.config == f'{copy}/bn_x5.py:digits'
  assert run.load().learning_rate == 5 * 0.5


def test_every_package_is_installed():
  """The list in pyproject.toml is that of the folders with Python files."""
  settings = tomllib.loads((PROJECT / 'pyproject.toml').read_text())['tool']
  found = {
    '.'.join(path.parent.relative_to(PROJECT).parts)
    for folder in ('bn_repro', 'configs')
    for path in (PROJECT / folder).rglob('*.py')
  }
  found = {f'bn_repro.{n}' if n.startswith('configs') else n for n in found}
  assert {*settings['setuptools']['packages']} == found


def test_files_other_than_python_are_installed():
  """Those that pyproject.toml names as the package's data."""
  settings = tomllib.loads((PROJECT / 'pyproject.toml').read_text())['tool']
  data = settings['setuptools']['package-data']['bn_repro']
  paths = [path for path in (PROJECT / 'bn_repro').rglob('*') if path.is_file()]
  found = {p.suffix for p in paths if '__pycache__' not in p.parts} - {'.py'}
  assert {f'**/*{suffix}' for suffix in found} == {*data}
