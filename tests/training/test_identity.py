"""A run knows with which data, settings and versions it began and names changes."""

import json

import jax
import pytest

from bn_repro.data import contents
from bn_repro.run import provenance
from bn_repro.run.errors import UserError
from bn_repro.training import identity
from bn_repro.training.loop import train
from data.prepared import examples, prepare
from support import small_config, summary_of

DEVICES = jax.devices()[:1]


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
  """Where the data set `mine` is prepared, and may be anew."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path / 'data'))
  prepare(tmp_path / 'data', 'mine', examples(3), examples(2), classes=['a', 'b', 'c'])
  return tmp_path / 'data'


@pytest.fixture
def workdir(data_dir, tmp_path):
  """Of a run on `mine` that has begun."""
  start(tmp_path)
  return tmp_path


def start(workdir, step=0):
  return identity.add_start(
    workdir, identity.check_data(workdir, 'mine'), step, DEVICES
  )


def prepare_anew(data_dir, **changes):
  data_dir.rename(data_dir.with_name('old'))
  given = {'classes': ['a', 'b', 'c'], 'train': examples(3)} | changes
  prepare(data_dir, 'mine', validation=examples(2), **given)


def test_a_new_run_records_data_and_circumstances_and_says_nothing(workdir, capsys):
  record = identity.read(workdir)
  assert record['data'] == contents.of('mine')
  (only,) = record['starts']
  assert only == {'steps': [0], **provenance.origin(DEVICES)}
  assert {'versions', 'settings', 'device', 'git_revision', 'code'} <= {*only}
  assert capsys.readouterr().err == ''


def test_equal_starts_share_an_entry_and_others_have_their_own(
  workdir, capsys, monkeypatch
):
  start(workdir, 20)
  monkeypatch.setenv('XLA_FLAGS', '--xla_cpu_enable_fast_math=true')
  monkeypatch.setattr(provenance, 'versions', lambda: {'jax': '0.99'})
  start(workdir, 30)
  assert [s['steps'] for s in identity.read(workdir)['starts']] == [[0, 20], [30]]
  (line,) = capsys.readouterr().err.splitlines()
  assert line.startswith(f'warning: {workdir} goes on at step 30 with jax 0.99 (')
  assert "XLA_FLAGS='--xla_cpu_enable_fast_math=true' ('' before)" in line


def test_another_device_and_other_code_are_named(workdir, capsys, monkeypatch):
  monkeypatch.setattr(provenance, 'device', lambda devices: '8 x gpu (NVIDIA H200)')
  monkeypatch.setattr(provenance, 'code_digest', lambda: 'other')
  monkeypatch.setattr(provenance, 'git_revision', lambda: '0123456789abcdef')
  start(workdir, 20)
  error = capsys.readouterr().err
  assert '8 x gpu (NVIDIA H200) (1 x cpu' in error and 'code 0123456789 (' in error


@pytest.mark.parametrize(
  ('changes', 'said'),
  [
    ({'classes': ['z', 'a', 'b']}, "class 0 was 'a' and is 'z'"),
    ({'classes': ['a', 'b', 'c', 'd']}, '4 classes, 3 before'),
    ({'classes': None}, '100 classes, 3 before'),
    ({'train': examples(2)}, 'train has other contents (2 examples, 3 before)'),
    ({'train': examples(3, ((30, 30),))}, 'train has other contents (3 examples'),
    ({'train': None}, 'split train is gone'),
  ],
)
def test_a_set_that_was_prepared_anew_is_refused(workdir, data_dir, changes, said):
  before = (workdir / identity.NAME).read_bytes()
  prepare_anew(data_dir, **changes)
  with pytest.raises(UserError, match='mine was prepared anew') as caught:
    start(workdir, 20)
  assert said in str(caught.value) and 'put the old set back' in str(caught.value)
  assert (workdir / identity.NAME).read_bytes() == before


def test_the_old_set_put_back_is_accepted(workdir, data_dir):
  prepare_anew(data_dir, classes=['z', 'a', 'b'])
  with pytest.raises(UserError):
    start(workdir, 20)
  data_dir.rename(data_dir.with_name('anew'))
  data_dir.with_name('old').rename(data_dir)
  start(workdir, 20)


def test_the_same_images_prepared_anew_are_the_same_set(workdir, data_dir):
  prepare_anew(data_dir)
  start(workdir, 20)


def test_processes_that_read_other_contents_are_refused(workdir, monkeypatch):
  other = contents.of('mine')
  other['splits']['train']['examples'] = 4
  monkeypatch.setattr(
    identity.collectives, 'from_first_process', lambda data: json.dumps(other).encode()
  )
  with pytest.raises(UserError, match='processes of this run read different contents'):
    start(workdir)


@pytest.mark.parametrize('harm', ['flip', 'cut', 'empty', 'folder'])
def test_a_damaged_record_is_one_line_whose_remedy_helps(workdir, capsys, harm):
  path = workdir / identity.NAME
  text = path.read_text()
  path.unlink()
  if harm == 'folder':
    path.mkdir()
  else:
    damaged = {'flip': text.replace('"a"', '"z"'), 'cut': text[:50], 'empty': ''}
    path.write_text(damaged[harm])
  with pytest.raises(UserError, match='not as it was written; remove it'):
    start(workdir, 20)
  path.rmdir() if harm == 'folder' else path.unlink()
  start(workdir, 20)
  assert 'was begun is not known; from step 20 on' in capsys.readouterr().err


def test_the_summary_of_a_resumed_run_holds_all_its_starts(tmp_path, monkeypatch):
  train(small_config('batch_norm', num_devices=1), tmp_path)
  monkeypatch.setattr(provenance, 'versions', lambda: {'jax': '0.99'})
  config = small_config('batch_norm', num_devices=1, train_for='60 steps')
  train(config, tmp_path)
  whole = summary_of(tmp_path)['identity']
  assert whole == identity.read(tmp_path)
  assert [start['steps'] for start in whole['starts']] == [[0], [40]]
  assert whole['starts'][1]['versions'] == {'jax': '0.99'}
  assert whole['starts'][0]['versions']['jax'] == jax.__version__


def test_a_run_of_earlier_code_is_resumed(tmp_path, capsys):
  """One whose workdir has no record."""
  train(small_config('batch_norm', num_devices=1), tmp_path)
  (tmp_path / identity.NAME).unlink()
  (tmp_path / 'summary.json').unlink()
  config = small_config('batch_norm', num_devices=1, train_for='60 steps')
  train(config, tmp_path)
  assert 'was begun is not known; from step 40 on' in capsys.readouterr().err
  assert summary_of(tmp_path)['identity']['starts'][0]['steps'] == [40]
