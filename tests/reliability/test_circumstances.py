"""What lies outside the config and changes numbers is set, refused or named."""

import json
import shutil
import subprocess
import sys

import jax
import pytest
from host_program import SHORT, parameters_of
from run.test_settings import HERE, MLP, rows_of_pairs

from bn_repro.run import config as config_lib
from bn_repro.training import identity
from data.prepared import Stored, examples, prepare
from evaluate.saved import save_run
from support import (
  FEW_STEPS,
  PROJECT,
  as_flags,
  clean_environment,
  program,
  summary_of,
)

CLASSES = ['cat', 'dog', 'horse']
ANEW = {
  'classes in another order': {'classes': ['dog', 'cat', 'horse']},
  'as many other classes': {'classes': ['bird', 'cat', 'dog']},
  'a class more': {'classes': [*CLASSES, 'zebra']},
  'no names': {'classes': None},
  'an image more': {'train': examples(13)},
  'an image less': {'train': examples(11)},
  'one pixel of one image': {'train': [*examples(11), examples(12, ((40, 49),))[11]]},
  'one label': {'train': [*examples(11), Stored(examples(12)[11].data, 0)]},
  'two images swapped': {'train': examples(12)[::-1]},
  'another image to evaluate on': {'validation': examples(6, ((41, 48),))},
}
# Variables that the product does not set.
RECORDED = {
  'XLA_FLAGS': '--xla_cpu_enable_fast_math=true --xla_cpu_fast_math_honor_nans=false',
  'NPROC': '1',
  'NVIDIA_TF32_OVERRIDE': '0',
  'JAX_USE_DIRECT_LINEARIZE': '0',
  'JAX_USE_SHARDY_PARTITIONER': '0',
  'JAX_XLA_PROFILE_VERSION': '1',
  'JAX_EMBEDDED_CONSTANTS_MAX_BYTES': '1',
}


def run(workdir, **environment):
  result = program(*MLP, f'--workdir={workdir}', **environment)
  assert result.returncode == 0, result.stderr
  return parameters_of(workdir)


@pytest.fixture(scope='module')
def plain(tmp_path_factory):
  """The parameters of a run in a plain shell, and its workdir."""
  workdir = tmp_path_factory.mktemp('plain') / 'run'
  return run(workdir), workdir


@pytest.mark.reliability
@pytest.mark.fault('a setting of JAX, from the environment')
@pytest.mark.parametrize('name', HERE)
def test_a_setting_from_the_environment(plain, tmp_path, name):
  assert run(tmp_path / 'run', **{name.upper(): str(HERE[name])}) == plain[0]


@pytest.mark.reliability
@pytest.mark.fault('several settings of JAX, from the environment')
@pytest.mark.parametrize('row', rows_of_pairs()[1:], ids=range(1, 7))
def test_every_pair_of_settings_from_the_environment(plain, tmp_path, row):
  shell = {name.upper(): str(value) for name, value in row.items()}
  assert run(tmp_path / 'run', **shell) == plain[0]


@pytest.mark.reliability
def test_a_setting_from_a_host_program(plain, record_property):
  rows = [{}, *({name: value} for name, value in HERE.items()), *rows_of_pairs()]
  result = subprocess.run(
    [sys.executable, PROJECT / 'tests' / 'host_program.py'],
    input=json.dumps(rows), cwd=PROJECT, capture_output=True, text=True, timeout=900,
    env=clean_environment() | {'PYTHONPATH': f'{PROJECT}:{PROJECT / "tests"}'},
  )  # fmt: skip
  assert result.returncode == 0, result.stderr
  lines = result.stdout.splitlines()
  harmful = sum(json.loads(line) != plain[0] for line in lines)
  kind = 'settings of JAX, from a host program, singly and in pairs'
  record_property('faults', (kind, len(rows) - 1, harmful))
  assert len(lines) == len(rows) and not harmful


@pytest.mark.reliability
@pytest.mark.fault('a variable of the libraries below, at the start')
@pytest.mark.parametrize('name', RECORDED)
def test_other_variables_change_nothing_or_are_recorded(plain, tmp_path, name):
  parameters = run(tmp_path / 'run', **{name: RECORDED[name]})
  settings = [summary_of(w)['settings'] for w in (plain[1], tmp_path / 'run')]
  assert parameters == plain[0] or settings[0] != settings[1]


@pytest.mark.reliability
@pytest.mark.fault('a variable of the libraries below, at a resume')
def test_another_variable_at_a_resume_is_named(plain, tmp_path):
  shutil.copytree(plain[1], tmp_path / 'run')
  (tmp_path / 'run' / 'summary.json').unlink()
  overrides = as_flags(FEW_STEPS | SHORT | {'train_for': '6 steps'})
  result = program(
    *MLP[:1], *overrides, f'--workdir={tmp_path / "run"}', XLA_FLAGS='--xla_cpu_use_acl'
  )
  assert result.returncode == 0, result.stderr
  assert "goes on at step 3 with XLA_FLAGS='--xla_cpu_use_acl'" in result.stderr
  starts = summary_of(tmp_path / 'run')['identity']['starts']
  assert [start['steps'] for start in starts] == [[0], [3]]


@pytest.fixture
def begun(tmp_path, monkeypatch):
  """Where a run on `mine` has begun, whose set may be prepared anew, and its flags."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path / 'data'))
  made_anew(tmp_path)
  config = {
    'dataset.name': 'mine', 'dataset.size': 16, 'dataset.num_classes': 3,
    'batch_size': 4, 'model.normalization_group': 0, 'model.width': 0.0625,
  }  # fmt: skip
  location = 'configs/bn_x5.py:digits'
  built = config_lib.load(str(PROJECT / location), config)
  save_run(built, tmp_path / 'run')
  record = identity.check_data(tmp_path / 'run', 'mine')
  identity.add_start(tmp_path / 'run', record, 0, jax.devices()[:1])
  return tmp_path, (f'--config={location}', *as_flags(config))


def made_anew(folder, train=None, validation=None, classes=CLASSES):
  three = lambda stored: [s._replace(label=s.label % 3) for s in stored]
  shutil.rmtree(folder / 'data', ignore_errors=True)
  halves = (three(train or examples(12)), three(validation or examples(6)))
  prepare(folder / 'data', 'mine', *halves, classes=classes)


@pytest.mark.reliability
@pytest.mark.fault('data prepared anew, at a resume')
@pytest.mark.parametrize('change', ANEW)
def test_data_prepared_anew_are_refused_at_a_resume(begun, change):
  folder, flags = begun
  made_anew(folder, **ANEW[change])
  before = {p: p.read_bytes() for p in (folder / 'run').rglob('*') if p.is_file()}
  result = program(*flags, f'--workdir={folder / "run"}')
  assert result.returncode == 2, result.stderr
  (line,) = result.stderr.splitlines()
  assert line.startswith('error: ')
  assert 'prepared anew' in line or 'num_classes' in line
  after = {p: p.read_bytes() for p in (folder / 'run').rglob('*') if p.is_file()}
  ours = lambda files: {p: data for p, data in files.items() if p.name != 'lock'}
  assert ours(before) == ours(after)


@pytest.mark.reliability
@pytest.mark.fault('data prepared anew, at an evaluation')
@pytest.mark.parametrize('change', ANEW)
def test_data_prepared_anew_are_refused_or_named_in_an_evaluation(begun, change):
  folder, _ = begun
  made_anew(folder, **ANEW[change])
  result = subprocess.run(
    [
      sys.executable, '-m', 'bn_repro.evaluate', f'--workdir={folder / "run"}',
      f'--output={folder / "scores"}', '--population_batches=2',
    ],
    cwd=PROJECT, capture_output=True, text=True, env=clean_environment(),
  )  # fmt: skip
  if 'classes' in ANEW[change]:
    assert result.returncode == 2 and not (folder / 'scores').exists()
  else:
    assert result.returncode == 0, result.stderr
    (member,) = json.loads((folder / 'scores').read_text())['members']
    assert any('prepared anew' in text for text in member['differs_from_training'])
  said = ('prepared anew', 'has 100 classes', 'has 4 classes')
  assert any(text in result.stderr for text in said)
