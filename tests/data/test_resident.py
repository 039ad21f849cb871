"""Photographs kept on the device: the same as streamed ones, each once, or refused."""

import copy

import jax
import numpy as np
import pytest

from bn_repro.data import feeds, resident, sampler, sources, stream
from bn_repro.run import collectives
from bn_repro.run import config as config_lib
from bn_repro.run.errors import UserError
from bn_repro.training import hyperparameters
from data.prepared import FirstOf, examples, is_prepared, prepare, small_config
from support import PROJECT

NUMBER = 23  # of training examples; 6 a step, so that step 3 ends an epoch
STREAMS = (sampler.TRAINING, sampler.POPULATION)


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
  """Data sets that hold pixels exactly, JPEGs, broken images, and other sizes."""
  data_dir = tmp_path_factory.mktemp('data')
  prepare(data_dir, 'exact', examples(NUMBER, kind='PNG'), examples(10, kind='PNG'))
  prepare(data_dir, 'jpegs', examples(NUMBER, sizes=[(160, 160)]), examples(10))
  prepare(data_dir, 'broken', examples(NUMBER, broken=[3, 7, 4]), examples(5))
  prepare(data_dir, 'hopeless', examples(4, broken=range(4)), examples(5))
  prepare(data_dir, 'sizes', examples(4, sizes=[(40, 48), (48, 40)]), examples(5))
  return data_dir


@pytest.fixture
def made(data_dir, monkeypatch):
  """The data sets are found."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(data_dir))


def open_feeds(name, feed='resident', **overrides):
  config = small_config(name, **{'dataset.feed': feed} | overrides)
  return feeds.open_feeds(config, jax.devices()[:1])


def assert_equal(first, second):
  """Two trees of arrays are equal, bit for bit."""
  jax.tree.map(np.testing.assert_array_equal, first, second)


def batch_of(feed, step, which):
  """What the network sees of one step."""
  inputs = jax.tree.map(lambda leaf: leaf[0], feed.inputs(range(step, step + 1), which))
  distortion = hyperparameters.of_run(feed._config).distortion(which)
  make = jax.jit(lambda examples, inputs: feed.batch(examples, inputs, distortion))
  return jax.device_get(make(feed.examples, inputs))


@pytest.mark.parametrize('feed', ['resident', 'stream'])
def test_images_are_mirrored_unless_the_config_says_otherwise(made, feed):
  """A config of before the field mirrors, to the same bits."""
  config = small_config(
    'exact', **{'dataset.feed': feed, 'photometric_distortion': 0.0}
  )

  def images(change):
    changed = copy.deepcopy(config)
    with changed.unlocked():
      change(changed.dataset)
    opened = feeds.open_feeds(changed, jax.devices()[:1])
    return batch_of(opened.train, 3, sampler.TRAINING).images

  kept = images(lambda fields: fields.update(mirror=False))
  mirrored = images(lambda fields: fields.update(mirror=True))
  of_before = images(lambda fields: fields.__delitem__('mirror'))
  np.testing.assert_array_equal(of_before, mirrored)
  # Two programs, which may round differently.
  is_like = lambda images: np.all(
    np.isclose(mirrored, images, atol=1e-5), axis=(1, 2, 3)
  )
  is_turned = is_like(kept[:, :, ::-1])
  assert np.all(is_turned ^ is_like(kept))
  assert is_turned.any() and not is_turned.all()


def test_digits_cannot_be_streamed(made):
  with pytest.raises(UserError, match=r'digits .* choose auto or resident'):
    open_feeds('digits', 'stream', **{'dataset.num_classes': 10, 'dataset.size': 8})


@pytest.mark.slow
@pytest.mark.parametrize('which, strength', [(0, 0.0), (1, 0.0), (0, 1.0)])
def test_both_feeds_give_the_same_boxes_and_distortions(made, which, strength):
  """Another box of a smooth image is another picture: no pixel may differ."""
  feeds = [
    open_feeds('exact', feed, photometric_distortion=strength).train
    for feed in ('resident', 'stream')
  ]
  on_device, streamed = (batch_of(feed, 3, which) for feed in feeds)
  np.testing.assert_array_equal(on_device.labels, streamed.labels)
  # Pillow rounds to whole bytes, once for each axis; distortions enlarge that.
  atol = 2 * (1.1 + 2.5 * strength) / 255
  np.testing.assert_allclose(on_device.images, streamed.images, atol=atol)
  assert on_device.counts.all() and streamed.counts.all()


@pytest.mark.parametrize('shuffling', ['thorough', 'coarse'])
def test_both_feeds_take_the_examples_in_the_same_order(made, shuffling):
  """Labels are unique, so that they say which example it is."""
  feeds = [
    open_feeds('exact', feed, shuffling=shuffling, shard_size=6).train
    for feed in ('resident', 'stream')
  ]
  for which in STREAMS:
    on_device, streamed = (feed.inputs(range(2, 9), which) for feed in feeds)
    np.testing.assert_array_equal(on_device.indices, streamed.labels)
    np.testing.assert_array_equal(on_device.positions, streamed.positions)
    assert on_device.positions.dtype == streamed.positions.dtype == np.uint32


def assert_alike(on_device, streamed):
  """The same labels, and images that differ by 2/255 of their range, or 5 in one."""
  np.testing.assert_array_equal(on_device.labels, streamed.labels)
  difference = np.mean(np.abs(on_device.images - streamed.images), axis=(1, 2, 3))
  assert np.mean(difference) < 2 * 2 / 255
  assert np.max(difference) < 2 * 5 / 255
  assert streamed.images.min() >= -1 and streamed.images.max() <= 1


def test_both_feeds_agree_on_jpegs_that_are_decoded_at_a_lower_scale(made):
  feeds = [open_feeds('jpegs', feed).train for feed in ('resident', 'stream')]
  assert_alike(*(batch_of(feed, 2, sampler.TRAINING) for feed in feeds))


@pytest.mark.slow
@pytest.mark.skipif(
  not is_prepared('imagenette_160'), reason='imagenette_160 is not prepared here'
)
def test_both_feeds_agree_on_real_photographs():
  config = config_lib.load(str(PROJECT / 'configs' / 'bn_x5.py:imagenette_160'))
  first = FirstOf(sources.Split('imagenette_160', 'test', 10), 100)
  kept, _ = resident.decode_all(first, 'stop')
  devices = jax.devices()[:1]
  on_device = resident.ResidentImages(kept, config, devices)
  streamed = stream.StreamedImages(first, config, devices)
  assert_alike(*(batch_of(feed, 5, sampler.TRAINING) for feed in (on_device, streamed)))


def test_the_inputs_of_a_step_depend_on_seed_and_step_alone(made):
  feed = open_feeds('exact').train
  whole = feed.inputs(range(8))
  for step in (5, 2, 7, 2):
    wanted = jax.tree.map(lambda leaf: leaf[step : step + 1], whole)  # noqa: B023
    feed.inputs(range(step), sampler.POPULATION)
    assert_equal(feed.inputs(range(step, step + 1)), wanted)
    assert_equal(open_feeds('exact').train.inputs(range(step, step + 1)), wanted)


def test_seeds_and_streams_have_orders_and_boxes_of_their_own(made):
  feed = open_feeds('exact').train
  training, population = feed.inputs(range(4)), feed.inputs(range(4), STREAMS[1])
  for other in (population, open_feeds('exact', seed=1).train.inputs(range(4))):
    assert np.any(other.indices != training.indices)
    assert np.any(other.boxes != training.boxes, axis=-1).all()


@pytest.mark.parametrize('feed', ['resident', 'stream'])
@pytest.mark.parametrize('most', [None, 1, 6, 99])
@pytest.mark.parametrize('size', [1, 5, 7, 10, 64])
def test_evaluation_counts_each_example_once(made, feed, size, most):
  """The first ones, if not all are asked for."""
  test = open_feeds('exact', feed).test
  number = min(10, most or 10)
  found = list(test.inputs_in_order(size, stop=most))
  counts = np.concatenate([inputs.counts for inputs in found])
  assert {len(inputs.counts) for inputs in found} == {size}
  assert len(counts) == -(-number // size) * size
  labels = [
    inputs.labels if feed == 'stream' else test.examples.labels[inputs.indices]
    for inputs in found
  ]
  np.testing.assert_array_equal(np.concatenate(labels)[counts], np.arange(number))


def inputs_of_process(process, feed, monkeypatch):
  """Three training mini-batches and a test set, as one of two processes reads them."""
  share = lambda size, _: slice(process * size // 2, (process + 1) * size // 2)
  monkeypatch.setattr(collectives, 'share_of_process', share)
  feeds = open_feeds('exact', feed)
  training = [feeds.train.inputs(range(step, step + 1)) for step in (2, 3, 4)]
  without_steps = jax.tree.map(lambda leaf: leaf[0], training)
  return [*without_steps, *feeds.test.inputs_in_order(4)]


@pytest.mark.parametrize('feed', ['resident', 'stream'])
def test_the_shares_of_two_processes_are_the_whole_mini_batch(made, feed, monkeypatch):
  feeds = open_feeds('exact', feed)
  training, test = feeds.train.inputs(range(2, 5)), feeds.test.inputs_in_order(4)
  whole = [*(jax.tree.map(lambda leaf: leaf[i], training) for i in range(3)), *test]  # noqa: B023
  first, second = (inputs_of_process(i, feed, monkeypatch) for i in range(2))
  together = jax.tree.map(lambda *shares: np.concatenate(shares), first, second)
  assert len(first) == len(second) == len(whole) == 6
  assert_equal(together, whole)


def test_a_broken_image_stops_the_start_and_is_named(made):
  with pytest.raises(UserError) as caught:
    open_feeds('broken')
  text = str(caught.value)
  assert text.startswith('train example 3 (3.jpg) is not a readable image: ')
  assert '--config.dataset.on_corrupt=skip' in text and '\n' not in text


def test_broken_images_may_be_left_out_and_are_counted(made):
  feeds = open_feeds('broken', **{'dataset.on_corrupt': 'skip'})
  readable = [i for i in range(NUMBER) if i not in (3, 4, 7)]
  np.testing.assert_array_equal(feeds.train.examples.labels, readable)
  assert (feeds.train.num_examples, feeds.train.num_skipped) == (20, 3)
  assert feeds.test.num_skipped == 0


def test_a_data_set_without_any_readable_image_is_refused(made):
  with pytest.raises(UserError, match='no image'):
    open_feeds('hopeless', **{'dataset.on_corrupt': 'skip'})


def test_images_of_several_sizes_are_for_the_stream(made):
  with pytest.raises(UserError, match=r'differ in size .*40x48 and 48x40.*feed=stream'):
    open_feeds('sizes')
  assert open_feeds('sizes', 'auto').train.inputs(range(1)).images.shape[1:3] == (6, 16)


def test_images_smaller_than_the_crop_are_refused(made):
  with pytest.raises(UserError, match=r'40x48 are smaller .*size=41; choose 40'):
    open_feeds('exact', **{'dataset.size': 41})
