"""Predictions are those that were kept, in their order, or none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bn_repro.evaluate.predictions import PredictionFile, Predictions

IDENTITY = {'checkpoint': 'abc', 'crops': 144, 'examples': None}
CLASSES = 3


def predictions(first, number):
  """Those to consecutive examples, all different."""
  places = np.arange(first, first + number)
  return Predictions(
    places.astype(np.int32),
    places % 5 != 0,
    (places + 1).astype(np.int32),
    np.outer(places, [1, 2, 3]).astype(np.float32),
  )


def opened(directory, identity=IDENTITY):
  return PredictionFile(directory / 'some', identity, CLASSES)


def assert_holds(file, number):
  """The predictions for the first so many examples, bit for bit."""
  assert file.index.number == number
  rows, expected = file.read(), predictions(0, number)
  for name, values in expected._asdict().items():
    np.testing.assert_array_equal(rows[name], values)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_predictions_come_back_in_order_after_any_stops(tmp_path_factory, lengths):
  """A process for each chunk."""
  directory, number = tmp_path_factory.mktemp('predictions'), 0
  for length in lengths:
    file = opened(directory)
    assert file.index.number == number and not file.is_complete
    file.append(predictions(number, length), seconds=0.5)
    number += length
  assert_holds(opened(directory), number)
  assert opened(directory).index.seconds == 0.5 * len(lengths)


def test_a_complete_file_says_so(tmp_path):
  file = opened(tmp_path)
  file.append(predictions(0, 4), 1.0)
  file.complete()
  assert opened(tmp_path).is_complete
  assert_holds(opened(tmp_path), 4)


def test_what_was_left_out_is_kept(tmp_path):
  """Two of these rows do not count; the feed may have left out others before."""
  for name, of_feed, left_out in (('rows', 0, 2), ('feed', 7, 9)):
    file = opened(tmp_path / name)
    file.append(predictions(0, 8), 1.0)
    file.complete(of_feed)
    assert opened(tmp_path / name).index.left_out == left_out


def test_rows_that_were_read_stay_when_another_begins_anew(tmp_path):
  """Two evaluations of one run at a time, the second with other statistics."""
  file = opened(tmp_path)
  file.append(predictions(0, 4), 1.0)
  rows = file.read()
  opened(tmp_path, IDENTITY | {'crops': 1}).append(predictions(9, 2), 1.0)
  np.testing.assert_array_equal(rows['labels'], np.arange(4))
  assert_holds(file, 4)


def test_a_dot_in_a_name_is_no_ending(tmp_path):
  for name in ('set.of_one_crop', 'set.of_144_crops'):
    PredictionFile(tmp_path / name, IDENTITY, CLASSES).append(predictions(0, 4), 1.0)
  assert len([*tmp_path.glob('*.rows')]) == 2


def test_what_was_written_after_the_last_note_is_dropped(tmp_path):
  """A kill between rows and note."""
  opened(tmp_path).append(predictions(0, 4), 1.0)
  with (tmp_path / 'some.rows').open('ab') as file:
    file.write(b'half a row')
  opened(tmp_path).append(predictions(4, 3), 1.0)
  assert_holds(opened(tmp_path), 7)


@pytest.mark.parametrize('field', IDENTITY)
def test_another_network_begins_anew(tmp_path, capsys, field):
  file = opened(tmp_path)
  file.append(predictions(0, 4), 1.0)
  file.complete()
  other = opened(tmp_path, IDENTITY | {field: 'other'})
  assert other.index.number == 0 and not other.is_complete
  assert capsys.readouterr().err == ''


def flip_a_bit(path):
  data = bytearray(path.read_bytes())
  data[len(data) // 2] ^= 1
  path.write_bytes(data)


def cut(path):
  path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize('name', ['some.rows', 'some.index'])
@pytest.mark.parametrize('harm', [flip_a_bit, cut, lambda path: path.write_bytes(b'')])
def test_damage_begins_anew(tmp_path, capsys, name, harm):
  """And is said; no damaged prediction is ever read."""
  for first in (0, 4):
    opened(tmp_path).append(predictions(first, 4), 1.0)
  harm(tmp_path / name)
  file = opened(tmp_path)
  is_said = 'is damaged' in capsys.readouterr().err
  assert (file.index.number, is_said) in ((0, True), (8, False))
  if file.index.number:  # the harm was to white space of the notes
    assert_holds(file, 8)


def test_rows_that_are_gone_begin_anew(tmp_path):
  opened(tmp_path).append(predictions(0, 4), 1.0)
  (tmp_path / 'some.rows').unlink()
  assert opened(tmp_path).index.number == 0
