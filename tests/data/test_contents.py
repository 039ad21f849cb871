"""A data set is known again by what it holds, whatever its name."""

import builtins
import errno
import io
import os

import pytest

from bn_repro.data import contents
from bn_repro.run import files
from bn_repro.run.errors import MachineError
from data.prepared import Stored, examples, prepare

CATS = ['cat', 'dog', 'horse']


@pytest.fixture
def made(tmp_path, monkeypatch):
  """Prepares a data set and gives its contents."""
  places = iter(range(100))

  def prepared(name='mine', train=3, validation=2, classes=CATS, data_of=examples):
    data_dir = tmp_path / str(next(places))
    prepare(data_dir, name, data_of(train), data_of(validation), classes=classes)
    monkeypatch.setenv('TFDS_DATA_DIR', str(data_dir))
    return contents.of(name)

  return prepared


def test_the_same_images_are_the_same_set_wherever_they_lie(made):
  assert made() == made()


def test_it_holds_classes_and_numbers(made):
  found = made()
  assert found['classes'] == CATS and found['num_classes'] == 3
  numbers = {split: of['examples'] for split, of in found['splits'].items()}
  assert numbers == {'train': 3, 'validation': 2}


def test_other_images_are_other_contents(made):
  other = lambda n: [Stored(e.data, e.label) for e in examples(n, ((41, 48),))]
  before, now = made(), made(data_of=other)
  changes = contents.changes(before, now)
  assert changes == [
    'split train has other contents (3 examples, 3 before)',
    'split validation has other contents (2 examples, 2 before)',
  ]
  assert files.digest(before) != files.digest(now)


def test_other_labels_are_other_contents(made):
  swapped = lambda n: [Stored(e.data, 2 - e.label) for e in examples(n)]
  assert contents.changes(made(), made(data_of=swapped))


def test_the_first_class_that_differs_is_named(made):
  before, now = made(), made(classes=['bird', 'cat', 'dog'])
  assert contents.changes(before, now)[0] == "class 0 was 'cat' and is 'bird'"
  other = made('yours', classes=['cat', 'horse', 'dog'])
  assert contents.first_other_class(before, other) == (
    "class 1 is 'dog' in mine and 'horse' in yours"
  )


def test_an_added_class_and_a_split_that_is_gone_are_named(made):
  before, now = made(), made(classes=[*CATS, 'zebra'])
  assert contents.changes(before, now) == ['4 classes, 3 before']
  del now['splits']['train']
  assert 'split train is gone' in contents.changes(before, now)
  assert '3 classes in mine and 4 classes in mine' in contents.first_other_class(
    before, now
  )


def test_a_set_without_names_has_none_and_agrees_with_all(made):
  nameless, named = made(classes=None), made(classes=[f'{i}' for i in range(100)])
  assert nameless['classes'] is None
  assert contents.first_other_class(nameless, named) is None
  assert contents.changes(nameless, named) == ['its classes have names now']


def test_digits_are_known_by_their_arrays():
  digits = contents.of('digits')
  assert digits['classes'] == list('0123456789') and digits == contents.of('digits')
  assert len({split['sha256'] for split in digits['splits'].values()}) == 2


def test_a_change_of_name_or_time_alone_is_none(made, tmp_path):
  before = made()
  for path in (tmp_path / '0').rglob('*array_record*'):
    os.utime(path, (1, 1))
  assert contents.of('mine') == before


def test_names_that_cannot_be_read_are_not_none(made, monkeypatch):
  """TFDS would call the classes '0', '1', ... then, as those of another set."""
  made()
  original = io.open

  def fails(file, *args, **more):
    if str(file).endswith('.labels.txt'):
      raise OSError(errno.EIO, os.strerror(errno.EIO))
    return original(file, *args, **more)

  monkeypatch.setattr(io, 'open', fails)
  monkeypatch.setattr(builtins, 'open', fails)
  with pytest.raises(MachineError, match='Input/output error'):
    contents.of('mine')
