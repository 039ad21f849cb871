"""Any prepared data set with one image and one label is read; others are refused."""

import json

import numpy as np
import pytest
import tensorflow_datasets as tfds

from bn_repro.data import contents, resident, sources
from bn_repro.run.errors import UserError
from data.prepared import Stored, photograph, prepare_with

GREY, COLOUR = (12, 10, 1), (12, 10, 3)
CLASSES = tfds.features.ClassLabel(num_classes=37)
INTEGER = tfds.features.Scalar(np.int64)


def stored(channels, labels=(1, 26, 3), sizes=((12, 10),)):
  """Images of noise without loss, of these sizes in turn."""
  mode = 'L' if channels == 1 else 'RGB'
  return [
    Stored(photograph(i, *sizes[i % len(sizes)], mode, 'PNG'), label)
    for i, label in enumerate(labels)
  ]


@pytest.fixture
def made(tmp_path, monkeypatch):
  """Prepares the data set 'made', or one of another name."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))

  def make(image=None, label=CLASSES, name='made', features=None, **splits):
    features = features or {
      'image': image or tfds.features.Image(shape=GREY), 'label': label
    }  # fmt: skip
    channels = image.shape[-1] if image else 1
    splits = splits or {'train': stored(channels), 'test': stored(channels, (2, 4))}
    prepare_with(tmp_path, name, features, **splits)
    return tmp_path / name / '1.0.0'

  return make


@pytest.mark.parametrize('shape, seen', [(GREY, (12, 10)), (COLOUR, (12, 10, 3))])
@pytest.mark.parametrize('label, classes', [(CLASSES, 37), (INTEGER, 27)])
@pytest.mark.parametrize('is_fixed', [True, False])
def test_both_families_read_it(made, shape, seen, label, classes, is_fixed):
  """Size and channels are the images', classes the feature's or the labels'."""
  shape = shape if is_fixed else (None, None, shape[-1])
  made(tfds.features.Image(shape=shape), label)
  whole = sources.load('made')
  assert whole.train.images.shape == (3, *seen) and whole.num_classes == classes
  assert whole.train.labels.tolist() == [1, 26, 3]
  assert sources.format_of('made') == (seen, classes)
  split = sources.Split('made', 'test', classes)
  assert split.is_kept == is_fixed
  examples, _ = resident.decode_all(split, 'stop')
  assert examples.images.shape == (2, 12, 10, 3)
  assert examples.labels.tolist() == [2, 4]
  grey = whole.test.images[..., None] if len(seen) == 2 else whole.test.images
  np.testing.assert_array_equal(examples.images, np.broadcast_to(grey, (2, 12, 10, 3)))
  assert contents.of('made')['num_classes'] == classes


def test_images_of_many_sizes_are_for_section_4_2(made):
  several = stored(3, sizes=((12, 10), (9, 9)))
  made(tfds.features.Image(shape=(None, None, 3)), train=several, test=several)
  assert len(sources.Split('made', 'train', 37)) == 3
  with pytest.raises(UserError, match=r'12x10 and 9x9\), and the network of section'):
    sources.load('made')


def test_validation_comes_before_test_and_other_splits_are_listed(made):
  one = stored(1, (5,))
  made(train=one, test=one, validation=stored(1, (6,)))
  assert sources.load('made').test.labels.tolist() == [6]
  made(name='other', train=one, dev=one)
  with pytest.raises(UserError, match=r"'validation' or 'test', only train, dev"):
    sources.load('other')


def test_a_configuration_is_named_in_full(made):
  made(name='letters/one')
  assert sources.load('letters/one').num_classes == 37
  with pytest.raises(UserError, match='as letters/one; choose one of these names'):
    sources.load('letters')


IMAGE = tfds.features.Image(shape=GREY)
REFUSED = {
  'no label': ({'image': IMAGE}, 'no label among'),
  'a text': ({'image': IMAGE, 'label': tfds.features.Text()}, 'no label among'),
  'two images': ({'a': IMAGE, 'b': IMAGE, 'label': CLASSES}, 'more than one image'),
  'images in a list': (
    {'image': tfds.features.Sequence(IMAGE), 'label': CLASSES},
    'no image among its features',
  ),
  '16 bits': (
    {
      'image': tfds.features.Image(shape=GREY, dtype=np.uint16, encoding_format='png'),
      'label': CLASSES,
    },
    'is uint16 of shape',
  ),
}


@pytest.mark.parametrize('kind', REFUSED)
@pytest.mark.parametrize(
  'read', [sources.load, lambda name: sources.Split(name, 'train', 37)]
)
def test_another_form_is_refused_in_a_line(made, kind, read):
  features, words = REFUSED[kind]
  made(features=features, train=[], test=[])
  with pytest.raises(UserError, match=words) as caught:
    read('made')
  assert '\n' not in str(caught.value) and caught.value.exit_code == 2


def test_a_video_is_refused_without_tensorflow(made, capfd):
  """TFDS would import it, and say in many lines that it is not there."""
  path = made() / 'features.json'
  described = json.loads(path.read_text())
  described['featuresDict']['features']['image'] = {
    'pythonClassName': 'tensorflow_datasets.core.features.video_feature.Video'
  }
  path.write_text(json.dumps(described))
  with pytest.raises(UserError, match='made has videos'):
    sources.load('made')
  assert 'TensorFlow' not in capfd.readouterr().err
