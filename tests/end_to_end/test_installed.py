"""Installed with pip and used in another directory, it needs nothing of a checkout."""

import os
import shutil
import subprocess
import sys

import pytest

from support import FEW_STEPS, PROJECT, as_flags, clean_environment, summary_of

CONFIG = '--config=configs/mnist.py:batch_norm'
MODULES = (
  'bn_repro', 'bn_repro.evaluate', 'bn_repro.export', 'bn_repro.analysis',
  'bn_repro.curves',
)  # fmt: skip


@pytest.fixture(scope='module')
def installed(tmp_path_factory):
  """A folder of installed packages; skips where pip cannot build, without an index."""
  folder = tmp_path_factory.mktemp('installed')
  source = folder / 'source'
  left_out = shutil.ignore_patterns(
    '.*', 'results', 'runs', '__pycache__', '*.egg-info'
  )
  shutil.copytree(PROJECT, source, ignore=left_out)
  site = folder / 'site'
  command = [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps']
  result = subprocess.run(
    [*command, '--target', site, source], capture_output=True, text=True, timeout=600
  )
  if result.returncode and 'setuptools' in result.stderr:
    pytest.skip('pip finds no setuptools to build with')
  assert result.returncode == 0, result.stderr
  shutil.rmtree(source)
  return site


@pytest.fixture
def start(installed, tmp_path):
  """Runs a module of it in an empty directory, whose `configs` are a stranger's."""
  (tmp_path / 'stranger' / 'configs').mkdir(parents=True)
  (tmp_path / 'stranger' / 'configs' / '__init__.py').write_text('raise OSError\n')
  (tmp_path / 'here').mkdir()
  paths = os.pathsep.join(map(str, (tmp_path / 'stranger', installed)))

  def start(module, *words):
    return subprocess.run(
      [sys.executable, '-m', module, *map(str, words)],
      cwd=tmp_path / 'here', env=clean_environment() | {'PYTHONPATH': paths},
      capture_output=True, text=True, timeout=300,
    )  # fmt: skip

  return start


@pytest.mark.slow
def test_help_helps_in_every_program(start):
  """Whatever else is on the command line."""
  for module in MODULES:
    for words in ([], ['--config=nope.py'], ['--nope'], ['--workdir']):
      result = start(module, *words, '--help')
      assert result.returncode == 0 and result.stderr == ''
      assert 'usage:' in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize('folder', ['', f'{PROJECT}/'])
def test_configs_find_their_neighbours(start, folder):
  """Its own, and those of a checkout."""
  result = start('bn_repro', f'--config={folder}configs/bn_x30.py:digits', '--describe')
  assert result.returncode == 0, result.stderr
  assert result.stdout.splitlines()[-1].startswith('total')


@pytest.mark.slow
@pytest.mark.reliability
def test_a_run_and_what_becomes_of_it(start, tmp_path):
  """Trained, evaluated and exported in an empty directory; its revision is unknown."""
  few = as_flags(FEW_STEPS)
  trained = start('bn_repro', CONFIG, '--workdir=run', *few)
  assert trained.returncode == 0, trained.stderr
  assert summary_of(tmp_path / 'here' / 'run')['git_revision'] == 'unknown'
  for module, output in (('evaluate', 'scores.json'), ('export', 'network')):
    result = start(f'bn_repro.{module}', '--workdir=run', f'--output={output}')
    assert result.returncode == 0, result.stderr
  assert {path.name for path in (tmp_path / 'here').iterdir()} == {
    'run', 'scores.json', 'network',
  }  # fmt: skip


@pytest.mark.slow
def test_what_only_a_checkout_has_is_called_so(start, monkeypatch):
  """The line that says how to prepare a data set says where its script is."""
  monkeypatch.delenv('TFDS_DATA_DIR', raising=False)
  config = ('--config=configs/bn_x5.py:digits', '--config.dataset.name=no_such_set')
  result = start('bn_repro', *config, '--workdir=run')
  (line,) = result.stderr.splitlines()
  assert result.returncode == 2
  assert '`python scripts/prepare_data.py no_such_set` in a checkout' in line
  assert 'shared' not in line  # which a checkout has beside it


@pytest.mark.slow
def test_it_brings_no_package_but_its_own(installed):
  """`configs` and `tests` are names that others use."""
  names = {path.name for path in installed.iterdir() if not path.name.endswith('-info')}
  assert names == {'bn_repro'}
  assert len(list((installed / 'bn_repro' / 'configs').glob('*.py'))) == len(
    list((PROJECT / 'configs').glob('*.py'))
  )
