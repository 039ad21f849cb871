"""Data sets are read whole and right, or refused in one line."""

import json
import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits

from bn_repro.data import prepared, sources
from bn_repro.run.errors import UserError
from data.prepared import NUM_CLASSES, Stored, examples, is_prepared, prepare


def test_digits_are_scikit_learns_1797():
  dataset = sources.load('digits')
  assert dataset.train.images.shape == (1437, 8, 8)
  assert dataset.test.images.shape == (360, 8, 8)
  assert dataset.train.images.dtype == np.uint8
  assert dataset.train.images.max() == 255
  assert set(dataset.test.labels) == set(range(dataset.num_classes)) == set(range(10))


def test_digits_are_those_that_scikit_learn_loads():
  """They are read from its file, without it."""
  loaded, test = load_digits(), sources.load('digits').test
  np.testing.assert_array_equal(test.labels, loaded.target[::5])
  np.testing.assert_allclose(test.images, loaded.images[::5] * (255 / 16), atol=0.5)


def test_no_digit_is_in_both_halves():
  dataset = sources.load('digits')
  train = {image.tobytes() for image in dataset.train.images}
  test = {image.tobytes() for image in dataset.test.images}
  assert not train & test


@pytest.mark.slow
@pytest.mark.skipif(
  not is_prepared('mnist'), reason='MNIST is not prepared on this machine'
)
def test_mnist_is_the_original():
  dataset = sources.load('mnist')
  assert dataset.train.images.shape == (60_000, 28, 28)
  assert dataset.test.images.shape == (10_000, 28, 28)
  # The class sizes that the original files are known for.
  counts = np.bincount(dataset.test.labels)
  np.testing.assert_array_equal(
    counts, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
  )
  assert sources.format_of('mnist') == ((28, 28), 10)
  # Mean brightness of the training images, well known as 0.1307.
  assert round(dataset.train.images.mean() / 255, 4) == 0.1307


def test_missing_data_names_the_places_and_the_cure(monkeypatch, tmp_path):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  with pytest.raises(UserError, match=r'prepare_data\.py mnist') as caught:
    sources.load('mnist')
  assert str(tmp_path) in str(caught.value)


def test_the_last_version_is_the_highest_by_its_numbers(monkeypatch, tmp_path):
  """As text 9.0.0 would come after 10.0.0; what is not prepared does not count."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  for version in ('9.0.0', '10.0.0', '9.10.0', 'copy of 11.0.0', '12.0.0'):
    directory = tmp_path / 'made' / version
    directory.mkdir(parents=True)
    if version != '12.0.0':
      (directory / prepared.DESCRIPTION).touch()
  assert prepared.find_prepared('made').name == '10.0.0'


def test_a_link_to_a_disk_that_is_away_is_no_missing_data_set(monkeypatch, tmp_path):
  """Preparing it again would not help, and another place may have other contents."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  (tmp_path / 'made').symlink_to('away')
  with pytest.raises(FileNotFoundError, match='made'):
    prepared.find_prepared('made')


def test_tfrecord_is_refused_with_the_cure(monkeypatch, tmp_path):
  directory = tmp_path / 'mnist' / '3.0.1'
  directory.mkdir(parents=True)
  information = {
    'name': 'mnist',
    'version': '3.0.1',
    'fileFormat': 'tfrecord',
    'splits': [],
  }
  (directory / 'dataset_info.json').write_text(json.dumps(information))
  features = {
    'pythonClassName': 'tensorflow_datasets.core.features.features_dict.FeaturesDict',
    'featuresDict': {'features': {}},
  }
  (directory / 'features.json').write_text(json.dumps(features))
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  with pytest.raises(UserError, match=r'tfrecord.*array_record'):
    sources.load('mnist')


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
  """Photographs with and without names, wrong labels, and only one half."""
  data_dir = tmp_path_factory.mktemp('data')
  prepare(data_dir, 'photographs', examples(7), examples(3))
  prepare(data_dir, 'nameless', examples(7), examples(3), has_file_names=False)
  wrong = [Stored(examples(1)[0].data, label) for label in (0, NUM_CLASSES, -1)]
  prepare(data_dir, 'mislabelled', wrong, wrong, has_file_names=False)
  prepare(data_dir, 'training_only', examples(7), None)
  prepare(data_dir, 'validation_only', None, examples(3))
  return data_dir


@pytest.fixture
def made(data_dir, monkeypatch):
  """The data sets are found."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(data_dir))


def test_a_split_gives_bytes_label_and_name(made):
  """The held-out half is 'validation' here, whatever it is asked for as."""
  for wanted, split, number in (('train', 'train', 7), ('test', 'validation', 3)):
    records = sources.Split('photographs', wanted, NUM_CLASSES)
    stored = examples(number)
    assert len(records) == number
    for i in range(number):
      name = f'{split} example {i} ({i}.jpg)'
      assert records[i] == sources.Record(stored[i].data, i, name)


def test_a_split_may_be_sent_to_other_processes(made):
  records = sources.Split('photographs', 'train', NUM_CLASSES)
  assert pickle.loads(pickle.dumps(records))[6] == records[6]


def test_without_a_file_name_an_example_is_named_by_its_place(made):
  records = sources.Split('nameless', 'train', NUM_CLASSES)
  assert records[6].name == 'train example 6'


def test_another_number_of_classes_is_refused(made):
  with pytest.raises(UserError, match=r'num_classes=10, but photographs has 100 cl'):
    sources.Split('photographs', 'train', 10)


@pytest.mark.parametrize(
  'name, split, words',
  [
    (
      'training_only',
      'test',
      r"training_only has no split 'validation' or 'test', onl",
    ),
    ('validation_only', 'train', r"no split 'train', only validation"),
  ],
)
def test_a_missing_half_is_named_with_those_that_are_there(made, name, split, words):
  with pytest.raises(UserError, match=words):
    sources.Split(name, split, NUM_CLASSES)


@pytest.mark.parametrize('index, label', [(1, NUM_CLASSES), (2, -1)])
def test_a_label_outside_the_classes_is_refused(made, index, label):
  records = sources.Split('mislabelled', 'train', NUM_CLASSES)
  assert records[0].label == 0
  words = rf'train example {index} has label {label}, outside 0 to 99'
  with pytest.raises(UserError, match=words):
    records[index]


def test_the_number_of_training_examples_is_known_without_reading(made):
  assert sources.num_training_examples('digits') == 1437
  records = sources.Split('photographs', 'train', NUM_CLASSES)
  assert sources.num_training_examples('photographs') == len(records) == 7
  with pytest.raises(UserError, match=r"no split 'train', only validation"):
    sources.num_training_examples('validation_only')


@pytest.mark.parametrize('name', ['mnist', 'imagenette_160'])
def test_the_number_of_training_examples_of_a_prepared_set(name):
  if not is_prepared(name):
    pytest.skip(f'{name} is not prepared on this machine')
  records = sources.Split(name, 'train', 10)
  assert sources.num_training_examples(name) == len(records)


def test_fewer_examples_than_the_files_hold_are_refused(tmp_path, monkeypatch):
  """A damaged dataset_info.json does not shorten the data set without a word."""
  prepare(tmp_path, 'shortened', examples(7), examples(3))
  path = tmp_path / 'shortened' / '1.0.0' / 'dataset_info.json'
  path.write_text(path.read_text().replace('"7"', '"5"'))
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  with pytest.raises(UserError, match=r'00001 holds 7 examples, not 5'):
    sources.Split('shortened', 'train', NUM_CLASSES)
