"""What comes back is what was saved, or it is not taken."""

import json
import random
import shutil
import sys

import numpy as np
import pytest

from bn_repro.run import checkpoint
from bn_repro.run.checkpoint import KEPT, Checkpoint, Checkpoints, restore_newest
from bn_repro.run.errors import MachineError, UserError


def checkpoint_at(step):
  weights = np.full((3, 2), step / 3, np.float32)
  arrays = {
    'step': np.asarray(step, np.int32),
    'params': {'a/b': {'w': weights}},
    'none': {},
  }
  return Checkpoint(step, arrays, {'measured': {'train/loss': [step / 7]}})


def save(workdir, *steps):
  workdir.mkdir(exist_ok=True)
  with Checkpoints(workdir) as checkpoints:
    for step in steps:
      checkpoints.save(checkpoint_at(step))


def assert_is(found, step):
  """Bit for bit, with types."""
  expected = checkpoint_at(step)
  assert checkpoint.digests(found) == checkpoint.digests(expected)
  weights = found.arrays['params']['a/b']['w']
  np.testing.assert_array_equal(weights, expected.arrays['params']['a/b']['w'])
  assert weights.dtype == np.float32
  assert found.notes == expected.notes


def test_nothing_to_restore(tmp_path):
  assert restore_newest(tmp_path) is None


def test_the_newest_comes_back_bit_for_bit_and_the_oldest_go(tmp_path):
  save(tmp_path, 10, 20, 30, 40, 50)
  kept = sorted(int(path.name) for path in (tmp_path / 'checkpoints').iterdir())
  assert kept == [30, 40, 50] and len(kept) == KEPT
  assert_is(restore_newest(tmp_path), 50)


def test_a_step_that_is_there_is_left_as_it_is(tmp_path):
  save(tmp_path, 10)
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(checkpoint_at(20)._replace(step=10))
  assert_is(restore_newest(tmp_path), 10)


def files_of(workdir, step):
  folder = workdir / 'checkpoints' / str(step)
  return sorted(path for path in folder.rglob('*') if path.is_file())


def flip_a_byte(path, generator):
  data = bytearray(path.read_bytes())
  if data:
    data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
  path.write_bytes(data)


def cut(path, generator):
  data = path.read_bytes()
  path.write_bytes(data[: generator.randrange(len(data))] if data else b'')


def delete(path, generator):
  path.unlink()


@pytest.mark.parametrize('harm', [flip_a_byte, cut, delete])
def test_harm_to_any_file_is_noticed_or_does_none(
  tmp_path, capsys, harm, record_property
):
  """Each file of a checkpoint in turn; a harmless one is of Orbax's own records."""
  generator = random.Random(harm.__name__)
  save(tmp_path / 'good', 10, 20)
  refused = tried = 0
  for i in range(len(files_of(tmp_path / 'good', 20))):
    for again in range(3 if harm is flip_a_byte else 1):
      workdir = tmp_path / f'{i}_{again}'
      shutil.copytree(tmp_path / 'good', workdir)
      harm(files_of(workdir, 20)[i], generator)
      found = restore_newest(workdir)
      assert_is(found, found.step)
      was_moved = (workdir / 'damaged' / '20.0').is_dir()
      assert was_moved == (found.step == 10)
      assert ('resuming at step 10' in capsys.readouterr().err) == was_moved
      refused += was_moved
      tried += 1
  assert refused >= 3
  record_property(
    'faults', (f'a file of it: {harm.__name__.replace("_", " ")}', tried, 0)
  )


def an_empty_folder(folder):
  (folder / '30').mkdir()


def a_file(folder):
  (folder / '30').write_text('not a checkpoint')


def one_renamed(folder):
  shutil.copytree(folder / '20', folder / '30')


def half_written(folder):
  shutil.copytree(folder / '20', folder / '30.orbax-checkpoint-tmp')
  shutil.rmtree(folder / '30.orbax-checkpoint-tmp' / 'seal')


def another_s_arrays(folder):
  shutil.copytree(folder / '20', folder / '30')
  shutil.rmtree(folder / '30' / 'state')
  shutil.copytree(folder / '10' / 'state', folder / '30' / 'state')


def a_broken_seal(folder):
  shutil.copytree(folder / '20', folder / '30')
  (folder / '30' / 'seal' / 'metadata').write_text(json.dumps({'digests': []}))


@pytest.mark.fault('a folder or file that only looks like one')
@pytest.mark.parametrize(
  'make',
  [an_empty_folder, a_file, one_renamed, half_written, another_s_arrays, a_broken_seal],
)
def test_what_only_looks_like_a_checkpoint_is_moved_aside(tmp_path, capsys, make):
  save(tmp_path, 10, 20)
  make(tmp_path / 'checkpoints')
  assert_is(restore_newest(tmp_path), 20)
  (warning,) = capsys.readouterr().err.splitlines()
  assert warning.startswith('warning: checkpoint 30 (')
  assert 'resuming at step 20, 10 steps are taken again' in warning
  assert (tmp_path / 'damaged' / '30.0').exists()
  save(tmp_path, 30)  # Orbax no longer takes it for one
  assert_is(restore_newest(tmp_path), 30)


def test_what_is_moved_aside_gets_a_name_of_its_own(tmp_path):
  """Also where somebody has removed the first of several."""
  save(tmp_path, 20)
  (tmp_path / 'damaged' / '30.1').mkdir(parents=True)
  for _ in range(2):
    an_empty_folder(tmp_path / 'checkpoints')
    assert_is(restore_newest(tmp_path), 20)
  names = {path.name for path in (tmp_path / 'damaged').iterdir()}
  assert names == {'30.0', '30.1', '30.2'}
  assert not [*(tmp_path / 'damaged' / '30.1').iterdir()]


@pytest.mark.fault('all of them damaged')
def test_all_damaged_stops_and_touches_nothing(tmp_path):
  save(tmp_path, 10, 20)
  for step in (10, 20):
    flip_a_byte(tmp_path / f'checkpoints/{step}/seal/metadata', random.Random(0))
  before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*')}
  with pytest.raises(UserError, match='is as it was saved: checkpoint 20'):
    restore_newest(tmp_path)
  assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*')}


@pytest.mark.fault('the first one unfinished')
def test_killed_in_the_first_save_begins_anew(tmp_path, capsys):
  (tmp_path / 'checkpoints' / '10.orbax-checkpoint-tmp').mkdir(parents=True)
  assert restore_newest(tmp_path) is None
  assert 'resuming at step 0' in capsys.readouterr().err


@pytest.mark.fault('a disk of checkpoints that is away')
def test_a_link_to_a_folder_that_is_not_there_is_no_run_without_checkpoints(tmp_path):
  """Or a run would begin anew, over the measurements that belong to them."""
  save(tmp_path, 10)
  (tmp_path / 'checkpoints').rename(tmp_path / 'disk')
  (tmp_path / 'checkpoints').symlink_to('disk')
  assert_is(restore_newest(tmp_path), 10)
  (tmp_path / 'disk').rename(tmp_path / 'away')
  for read in (restore_newest, checkpoint.newest_step, checkpoint.read_newest):
    with pytest.raises(FileNotFoundError):
      read(tmp_path)


@pytest.mark.fault('a file in place of their folder')
def test_a_folder_lost_under_the_run_is_an_error_in_one_line(tmp_path):
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(checkpoint_at(10))
    shutil.rmtree(tmp_path / 'checkpoints')
    (tmp_path / 'checkpoints').write_text('in the way')
    with pytest.raises(MachineError, match='could not be saved in') as raised:
      checkpoints.save(checkpoint_at(20))
  assert len(str(raised.value).splitlines()) == 1


def test_loading_executes_no_code(tmp_path):
  """Neither pickles nor code of Python are among what is loaded."""
  save(tmp_path, 10)
  restore_newest(tmp_path)  # imports what it needs
  seen = []
  watching = True
  sys.addaudithook(lambda event, _: watching and seen.append(event))
  found = restore_newest(tmp_path)
  watching = False
  assert_is(found, 10)
  assert 'open' in seen
  assert not {'pickle.find_class', 'exec', 'compile', 'marshal.loads'} & set(seen)
