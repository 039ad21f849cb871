"""An exported file says what it is: names of classes, input, origin, who reads it."""

import zipfile

import pytest

from bn_repro.data import contents
from bn_repro.evaluate import model_card
from bn_repro.evaluate.network import restore
from bn_repro.evaluate.request import MOVING_AVERAGE
from evaluate.saved import card_in, save_run
from support import small_config

TEN = {'name': 'digits', 'classes': list('abcdefghij'), 'num_classes': 10, 'splits': {}}


@pytest.fixture
def network(config, tmp_path):
  """Restored from a run on the digits."""
  return restore(save_run(config, tmp_path / 'run'))


def test_what_it_says(network):
  card = model_card.of(network, MOVING_AVERAGE, ('cpu',))
  assert card['classes'] == [str(digit) for digit in range(10)]
  assert card['input'] == {
    'shape': ['batch', 8, 8], 'dtype': 'uint8', 'values': [0, 255],
  }  # fmt: skip
  assert (card['network'], card['step']) == ('batch_norm', network.step)
  assert (card['statistics'], card['num_classes']) == (MOVING_AVERAGE, 10)
  assert card['checkpoint_sha256'] == network.digest
  assert card['written_by'].keys() >= {'bn_repro', 'git_revision', 'jax', 'flatbuffers'}


def test_a_network_without_batch_normalization_has_no_statistics(tmp_path):
  workdir = save_run(small_config('baseline'), tmp_path / 'plain')
  assert model_card.of(restore(workdir), MOVING_AVERAGE, ())['statistics'] is None


def test_classes_are_those_of_training_though_the_data_are_gone(network, monkeypatch):
  monkeypatch.setattr(contents, 'of', _gone)
  trained = network._replace(record={'data': TEN, 'starts': []})
  assert model_card.of(trained, MOVING_AVERAGE, ())['classes'] == TEN['classes']


@pytest.mark.parametrize('record', [None, {'data': TEN | {'classes': None}}])
def test_classes_that_nobody_has_named_are_null(network, monkeypatch, record):
  monkeypatch.setattr(contents, 'of', _gone)
  nameless = network._replace(record=record)
  assert model_card.of(nameless, MOVING_AVERAGE, ())['classes'] is None


def _gone(name):
  raise model_card.trained_on.UserError(f'{name} is not there')


def test_it_stands_behind_the_program_in_the_same_bytes_each_time(tmp_path):
  """So that jax.export reads the beginning, and zipfile the end."""
  paths = [tmp_path / 'one', tmp_path / 'two']
  for path in paths:
    model_card.write(path, b'program' * 100, {'classes': ['a', 'ä']})
  assert paths[0].read_bytes() == paths[1].read_bytes()
  assert paths[0].read_bytes().startswith(b'program' * 100)
  assert card_in(paths[0]) == {'classes': ['a', 'ä']}
  assert zipfile.ZipFile(paths[0]).testzip() is None
  assert sorted(path.name for path in tmp_path.iterdir()) == ['one', 'two']


@pytest.mark.parametrize(
  'writer, oldest',
  [
    ('0.8.0', '0.8.0'), ('0.8.1', '0.8.1'), ('0.8.2', '0.8.2'), ('0.10.2', '0.8.2'),
    ('0.11.0', '0.8.2'), ('0.12.0.1', '0.11.0'), ('0.12.0.dev20261101', '0.11.0'),
    ('0.13.0', '0.13.0'), ('1.0', '1.0'),
  ],
)  # fmt: skip
def test_the_oldest_reader_is_one_that_was_tried(writer, oldest):
  assert model_card.oldest_reader(writer) == oldest
