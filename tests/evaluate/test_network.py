"""A run is restored as it was saved, and nothing in its workdir is touched."""

import json

import numpy as np
import pytest

from bn_repro.evaluate.network import restore
from bn_repro.run.checkpoint import Checkpoint, Checkpoints, read_newest
from bn_repro.run.errors import UserError
from data.prepared import small_config as photographs_config
from evaluate.saved import save_run
from support import small_config


@pytest.fixture
def workdir(tmp_path):
  return save_run(small_config('batch_norm'), tmp_path / 'run')


def files_of(workdir):
  return {p: p.read_bytes() for p in sorted(workdir.rglob('*')) if p.is_file()}


def damage(workdir, step):
  """Flips a bit of the largest file of a checkpoint."""
  files = [p for p in (workdir / 'checkpoints' / step).rglob('*') if p.is_file()]
  path = max(files, key=lambda path: path.stat().st_size)
  data = bytearray(path.read_bytes())
  data[len(data) // 2] ^= 1
  path.write_bytes(data)


def test_a_run_may_be_evaluated_with_fewer_decoding_processes(tmp_path):
  """Than it was trained with, as a machine with little shared memory needs."""
  config = photographs_config('photographs', **{'dataset.workers': 8})
  workdir = save_run(config, tmp_path / 'run')
  assert restore(workdir).config.dataset.workers == 8
  assert restore(workdir, workers=0).config.dataset.workers == 0


def test_a_run_whose_images_are_never_decoded_takes_any_number(workdir):
  assert 'workers' not in restore(workdir, workers=2).config.dataset


def test_a_run_comes_back_bit_for_bit(workdir):
  before = files_of(workdir)
  network = restore(workdir)
  assert (network.step, network.num_classes) == (7, 10)
  assert network.name == 'batch_norm, seed 0'
  assert network.config.to_dict() == small_config('batch_norm').to_dict()
  saved = read_newest(workdir).arrays
  for layer, kernel in (('hidden_1', (64, 100)), ('logits', (100, 10))):
    found = network.params[layer]['kernel']
    assert found.shape == kernel
    np.testing.assert_array_equal(found, saved['params'][layer]['kernel'])
  assert files_of(workdir) == before


def test_a_network_without_batch_normalization_has_no_statistics(tmp_path):
  workdir = save_run(small_config('baseline'), tmp_path / 'run')
  assert restore(workdir).batch_stats == {}


def test_every_checkpoint_has_a_digest_of_its_own(workdir, tmp_path):
  again = save_run(small_config('batch_norm'), tmp_path / 'again')
  other = save_run(small_config('batch_norm', seed=1), tmp_path / 'other')
  assert restore(workdir).digest == restore(again).digest
  assert restore(workdir).digest != restore(other).digest


def refused(workdir):
  """What is said, in one line."""
  with pytest.raises(UserError) as caught:
    restore(workdir)
  assert '\n' not in str(caught.value)
  return str(caught.value)


def test_a_folder_without_a_run(tmp_path):
  assert 'holds no run, for it has no config.json' in refused(tmp_path)
  assert 'holds no run' in refused(tmp_path / 'nowhere')


def test_a_run_without_a_checkpoint(workdir):
  (workdir / 'checkpoints' / '7').rename(workdir / 'checkpoints' / '7.orbax-tmp')
  assert 'holds no finished checkpoint; train in it first' in refused(workdir)


def test_a_damaged_checkpoint_is_neither_taken_nor_moved(workdir):
  """Nor is the one before it: the scores would not be those of the run's end."""
  with Checkpoints(workdir) as checkpoints:
    checkpoints.save(Checkpoint(9, read_newest(workdir).arrays, {}))
  damage(workdir, '9')
  before = files_of(workdir)
  assert 'checkpoint 9 of' in (text := refused(workdir)) and 'is damaged' in text
  assert 'elsewhere' in text and files_of(workdir) == before


@pytest.mark.parametrize('content', ['{', '[]', '{}', '{"model": {"name": "mlp"}}'])
def test_a_damaged_config(workdir, content):
  (workdir / 'config.json').write_text(content)
  assert 'config.json is damaged' in refused(workdir)


def test_a_checkpoint_of_another_network(workdir):
  config = json.loads((workdir / 'config.json').read_text())
  config['model']['hidden_sizes'] = [100, 100]
  (workdir / 'config.json').write_text(json.dumps(config))
  assert 'holds another network than the one that this code builds' in refused(workdir)
