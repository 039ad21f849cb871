"""Data sets are read whole and right, or refused in one line."""

import json

import numpy as np
import pytest

from bn_repro.data import sources
from bn_repro.errors import UserError


def have_mnist():
  """Whether MNIST was prepared on this machine."""
  try:
    sources.find_prepared('mnist')
  except UserError:
    return False
  return True


def test_digits_are_scikit_learns_1797():
  dataset = sources.load('digits')
  assert dataset.train.images.shape == (1437, 8, 8)
  assert dataset.test.images.shape == (360, 8, 8)
  assert dataset.train.images.dtype == np.uint8
  assert dataset.train.images.max() == 255
  assert set(dataset.test.labels) == set(range(dataset.num_classes)) == set(range(10))


def test_no_digit_is_in_both_halves():
  dataset = sources.load('digits')
  train = {image.tobytes() for image in dataset.train.images}
  test = {image.tobytes() for image in dataset.test.images}
  assert not train & test


@pytest.mark.skipif(not have_mnist(), reason='MNIST is not prepared on this machine')
def test_mnist_is_the_original():
  dataset = sources.load('mnist')
  assert dataset.train.images.shape == (60_000, 28, 28)
  assert dataset.test.images.shape == (10_000, 28, 28)
  # The class sizes that the original files are known for.
  counts = np.bincount(dataset.test.labels)
  np.testing.assert_array_equal(
    counts, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
  )
  assert sources.FORMATS['mnist'] == ((28, 28), 10)
  # Mean brightness of the training images, well known as 0.1307.
  assert round(dataset.train.images.mean() / 255, 4) == 0.1307


def test_missing_data_names_the_places_and_the_cure(monkeypatch, tmp_path):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  with pytest.raises(UserError, match=r'prepare_data\.py mnist') as caught:
    sources.load('mnist')
  assert str(tmp_path) in str(caught.value)


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
