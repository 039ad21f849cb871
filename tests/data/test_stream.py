"""Streamed photographs: any step at once, by any number of workers, or one line."""

import jax
import numpy as np
import pytest

from bn_repro.data import feeds, sampler
from bn_repro.run.errors import UserError
from data.prepared import NUM_CLASSES, Stored, examples, prepare, small_config

NUMBER = 23  # of training examples; 6 a step
BROKEN = (3, 7, 4)
SIZES = ((40, 48), (90, 31), (17, 12))


@pytest.fixture(scope='module', autouse=True)
def made(tmp_path_factory):
  """Data sets of images of many sizes, some of them broken."""
  data_dir = tmp_path_factory.mktemp('data')
  whole, broken = examples(NUMBER, SIZES), examples(NUMBER, SIZES, broken=BROKEN)
  prepare(data_dir, 'photographs', whole, examples(10, SIZES))
  prepare(data_dir, 'broken', broken, broken)
  prepare(data_dir, 'hopeless', examples(4, broken=range(4)), whole)
  mislabelled = [*whole[:9], Stored(whole[9].data, NUM_CLASSES), *whole[10:]]
  prepare(data_dir, 'mislabelled', mislabelled, whole)
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv('TFDS_DATA_DIR', str(data_dir))
    yield


def open_feeds(name='photographs', **overrides):
  return feeds.open_feeds(small_config(name, **overrides), jax.devices()[:1])


def assert_equal(first, second):
  """Two trees of arrays are equal, bit for bit."""
  jax.tree.map(np.testing.assert_array_equal, first, second)


def of_steps(inputs, steps: slice):
  """Some steps of the inputs of several."""
  return jax.tree.map(lambda leaf: leaf[steps], inputs)


def test_the_stream_may_begin_at_any_step():
  """From every position of a run of 9 steps, the tail is the whole run's."""
  whole = open_feeds().train.inputs(range(9))
  for start in range(9):
    tail = open_feeds().train.inputs(range(start, 9))
    assert_equal(tail, of_steps(whole, slice(start, None)))


def test_inputs_do_not_depend_on_what_was_asked_before():
  """Step by step, several at once, backwards, and with the other stream between."""
  whole = open_feeds().train.inputs(range(9))
  feed = open_feeds().train
  for start, stop in ((0, 1), (1, 4), (4, 5), (2, 3), (3, 6), (8, 9), (0, 2)):
    assert_equal(feed.inputs(range(start, stop)), of_steps(whole, slice(start, stop)))
    feed.inputs(range(1), sampler.POPULATION)


def test_seeds_and_streams_have_orders_and_crops_of_their_own():
  training = open_feeds().train.inputs(range(4))
  others = (
    open_feeds().train.inputs(range(4), sampler.POPULATION),
    open_feeds(seed=1).train.inputs(range(4)),
  )
  for other in others:
    assert np.any(other.labels != training.labels)
    # Not even an example that is at the same place in both has the same crop.
    assert np.any(other.images != training.images, axis=(2, 3, 4)).all()


@pytest.mark.parametrize('shuffling', ['thorough', 'coarse'])
def test_an_epoch_takes_every_example_once(shuffling):
  """Over three epochs of 23, the mini-batches of which begin in the one before."""
  feed = open_feeds(shuffling=shuffling, shard_size=6).train
  labels = feed.inputs(range(12)).labels.ravel()
  for epoch in range(3):
    of_epoch = labels[epoch * NUMBER : (epoch + 1) * NUMBER]
    np.testing.assert_array_equal(np.sort(of_epoch), np.arange(NUMBER))


@pytest.mark.slow
def test_worker_processes_give_the_same_batches():
  """In training, from the middle on, and in evaluation."""
  alone, by_two = (open_feeds(**{'dataset.workers': number}) for number in (0, 2))
  assert_equal(*(feeds.train.inputs(range(3, 8)) for feeds in (alone, by_two)))
  assert_equal(*(list(feeds.test.inputs_in_order(4)) for feeds in (alone, by_two)))


@pytest.mark.slow
def test_worker_processes_name_a_broken_image_too():
  feed = open_feeds('broken', **{'dataset.workers': 1}).train
  with pytest.raises(UserError, match=r'^train example \d \(\d.jpg\) is not a read'):
    feed.inputs(range(8))


@pytest.mark.parametrize('half', ['train', 'validation'])
def test_a_broken_image_stops_the_run_and_is_named(half):
  feeds = open_feeds('broken')
  with pytest.raises(UserError) as caught:
    if half == 'train':
      feeds.train.inputs(range(4))
    else:
      list(feeds.test.inputs_in_order(5))
  text = str(caught.value)
  assert text.startswith(
    tuple(f'{half} example {i} ({i}.jpg) is not a' for i in BROKEN)
  )
  assert '--config.dataset.on_corrupt=skip' in text and '\n' not in text


def test_a_broken_image_is_replaced_by_the_next_in_the_order_and_counted():
  steps = range(12)
  feed = open_feeds('broken', **{'dataset.on_corrupt': 'skip'}).train
  found = feed.inputs(steps)
  order = sampler.example_indices(0, range(20), 6, NUMBER).ravel()
  is_broken = np.isin(order, BROKEN)
  expected = [order[place:][~is_broken[place:]][0] for place in range(72)]
  np.testing.assert_array_equal(found.labels.ravel(), expected)
  ahead = [np.argmin(is_broken[place:]) for place in range(72)]
  np.testing.assert_array_equal(found.skipped.ravel(), ahead)
  assert sum(ahead) > 0
  assert found.counts.all()


def test_skipping_is_deterministic():
  """Step by step from the middle on, as in one call from the start."""
  skip = {'dataset.on_corrupt': 'skip'}
  whole = open_feeds('broken', **skip).train.inputs(range(8))
  feed = open_feeds('broken', **skip).train
  for step in range(3, 8):
    tail = feed.inputs(range(step, step + 1))
    assert_equal(tail, of_steps(whole, slice(step, step + 1)))


@pytest.mark.parametrize('size', [5, 23, 64])
def test_evaluation_leaves_broken_images_out(size):
  test = open_feeds('broken', **{'dataset.on_corrupt': 'skip'}).test
  for _ in range(2):  # the same in each evaluation
    found = list(test.inputs_in_order(size))
    labels, counts = (
      np.concatenate([getattr(inputs, name) for inputs in found])
      for name in ('labels', 'counts')
    )
    readable = np.setdiff1d(np.arange(NUMBER), BROKEN)
    np.testing.assert_array_equal(labels[counts], readable)
    assert test.num_skipped == 0  # when it was opened


def test_a_data_set_without_any_readable_image_is_refused():
  feed = open_feeds('hopeless', **{'dataset.on_corrupt': 'skip'}).train
  with pytest.raises(UserError, match='no image of the data set can be read'):
    feed.inputs(range(1))


def test_a_label_outside_the_classes_is_refused_even_when_skipping():
  """It is the data set that is wrong, not one image."""
  feed = open_feeds('mislabelled', **{'dataset.on_corrupt': 'skip'}).train
  with pytest.raises(UserError, match=r'example 9 \(9.jpg\) has label 100, outside'):
    feed.inputs(range(4))


def test_small_images_are_enlarged():
  """The third size is smaller than the crop in both directions."""
  found = open_feeds(**{'dataset.size': 50}).train.inputs(range(4))
  assert found.images.shape == (4, 6, 50, 50, 3)
  assert np.std(found.images, axis=(2, 3)).min() > 0
