"""Files are read once, and again when their size or time of change is another."""

import hashlib
import os

import pytest

from bn_repro.data import digests
from bn_repro.run.errors import MachineError


@pytest.fixture
def files(tmp_path, monkeypatch):
  """Two files in a folder, taken for large; the user's cache is a folder, too."""
  monkeypatch.setattr(digests, '_SMALL', 0)
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
  (tmp_path / 'data').mkdir()
  paths = [tmp_path / 'data' / name for name in ('a', 'b')]
  for path in paths:
    path.write_bytes(os.urandom(3_000_000))
  return paths


@pytest.fixture
def reads(monkeypatch):
  """The names of the files that were read."""
  names, read = [], digests._digested

  def counted(paths, *arguments):
    names.extend(path.name for path in paths)
    return read(paths, *arguments)

  monkeypatch.setattr(digests, '_digested', counted)
  return names


def expected(paths):
  return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def test_a_later_start_reads_nothing(files, reads):
  assert digests.of_files(files, 'x') == digests.of_files(files, 'x') == expected(files)
  assert reads == ['a', 'b']


@pytest.mark.parametrize('change', ['size', 'time'])
def test_what_was_changed_is_read_again(files, reads, change):
  digests.of_files(files, 'x')
  if change == 'size':
    files[1].write_bytes(b'other')
  else:
    status = files[1].stat()
    files[1].write_bytes(os.urandom(3_000_000))
    os.utime(files[1], ns=(status.st_atime_ns, status.st_mtime_ns + 1))
  assert digests.of_files(files, 'x') == expected(files)
  assert reads == ['a', 'b', 'b']


def test_those_beside_the_data_are_taken(files, reads):
  digests.keep_beside(files[0].parent, '*', 'x')
  assert digests.of_files(files, 'x') == expected(files)
  assert reads == ['a', 'b']


def test_after_a_change_those_in_the_cache_are_taken(files, reads):
  digests.keep_beside(files[0].parent, '*', 'x')
  files[0].write_bytes(b'other')
  for _ in range(2):
    assert digests.of_files(files, 'x') == expected(files)
  assert reads == ['a', 'b', 'a']


@pytest.mark.parametrize('harm', ['flip', 'empty', 'folder'])
def test_kept_ones_that_are_damaged_are_made_again(files, reads, harm):
  digests.of_files(files, 'x')
  (kept,) = (files[0].parents[1] / 'cache').rglob('*.json')
  text = kept.read_text()
  kept.unlink()
  if harm == 'folder':
    kept.mkdir()
  else:
    kept.write_text(text.replace('a', 'b') if harm == 'flip' else '')
  assert digests.of_files(files, 'x') == expected(files)
  assert reads == ['a', 'b', 'a', 'b']


def test_small_sets_are_read_each_time_and_leave_nothing(files, monkeypatch):
  monkeypatch.setattr(digests, '_SMALL', 10_000_000)
  assert digests.of_files(files, 'x') == expected(files)
  digests.keep_beside(files[0].parent, '*', 'x')
  assert not (files[0].parents[1] / 'cache').exists()
  assert len(list(files[0].parent.iterdir())) == 2


def test_a_long_reading_says_so_and_an_error_keeps_what_was_read(
  files, reads, monkeypatch, capsys
):
  monkeypatch.setattr(digests, '_LARGE', 0)
  files[1].unlink()
  files[1].mkdir()  # reading it fails
  with pytest.raises(MachineError, match='b could not be read'):
    digests.of_files(files, 'the pictures')
  assert 'of the pictures once' in capsys.readouterr().err
  files[1].rmdir()
  files[1].write_bytes(b'mended')
  assert digests.of_files(files, 'x') == expected(files)
  assert reads == ['a', 'b', 'b']
