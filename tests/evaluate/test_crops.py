"""Every crop of every image weighs what it should, on any devices, from any place."""

import jax
import numpy as np
import pytest
from fake_experiment import only_rows

from bn_repro.data import decode, sources
from bn_repro.data import views as views_lib
from bn_repro.data.feeds import open_test_feed
from bn_repro.evaluate import crops
from bn_repro.evaluate.network import restore
from bn_repro.run.errors import UserError
from data.prepared import examples, prepare, small_config
from evaluate.saved import save_run
from support import small_config as small_mlp

# Landscape, portrait, square and nearly square.
SIZES = ((40, 60), (70, 30), (50, 50), (41, 40))
NUMBER = 7
BROKEN = 4


@pytest.fixture(scope='module', autouse=True)
def made(tmp_path_factory):
  """Data sets of photographs of many sizes, of one size, and with a broken one."""
  data_dir = tmp_path_factory.mktemp('data')
  for name, sizes, broken in (
    ('shapes', SIZES, ()), ('squares', SIZES[2:3], ()), ('broken', SIZES, (BROKEN,))
  ):  # fmt: skip
    held_out = examples(NUMBER, sizes, kind='PNG', broken=broken)
    prepare(data_dir, name, examples(6), held_out)
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv('TFDS_DATA_DIR', str(data_dir))
    patch.setattr(crops, 'CHUNK', 3)
    only_rows(patch, '3c', '5b')
    yield


def config_of(name, **overrides):
  feed = 'resident' if name == 'squares' else 'stream'
  fields = {'dataset.feed': feed, 'evaluation_batch_size': 50, 'seed': 3}
  return small_config(name, **fields | overrides)


@pytest.fixture(scope='module')
def network(tmp_path_factory):
  """Any: what it was trained on does not matter here."""
  return restore(save_run(config_of('shapes'), tmp_path_factory.mktemp('runs') / 'one'))


def predictions(network, name, number_of_crops, start=0, num_devices=1, **overrides):
  """Of all examples from `start` on, as one tree of arrays."""
  devices = jax.devices()[:num_devices]
  config = config_of(name, **overrides)
  feed = open_test_feed(config, devices)
  network = network._replace(config=config)
  predictor = crops.Predictor(network, feed, devices, lambda: None)
  found = list(predictor.predictions(number_of_crops, start, NUMBER))
  return jax.tree.map(lambda *parts: np.concatenate(parts), *found)


def one_by_one(network, name, mirrors=True):
  """The mean over 144 crops by the definition, in float64: `[examples, classes]`.

  Or over the 72 that are no mirror images.
  """
  split = sources.Split(name, 'test', 100)
  call = jax.jit(
    lambda images: jax.nn.softmax(
      network.model.apply(
        {'params': network.params, 'batch_stats': network.batch_stats},
        images, train=False,
      )
    )
  )  # fmt: skip

  def mean_of(record):
    choose = lambda height, width: views_lib.views(height, width, 16)
    half = decode.read_views(record.data, choose, 16, record.name)
    both = np.concatenate([half, half[:, :, ::-1]]) if mirrors else half
    assert len(both) == (144 if mirrors else 72)
    return np.asarray(call(both / np.float32(127.5) - 1), np.float64).mean(axis=0)

  return np.stack([mean_of(split[i]) for i in range(len(split))])


@pytest.mark.slow
@pytest.mark.parametrize('name', ['shapes', 'squares'])
def test_the_mean_over_144_crops(network, name):
  """Crops that coincide are computed once, and count as often as they come."""
  found = predictions(network, name, 144)
  np.testing.assert_allclose(found.probabilities, one_by_one(network, name), rtol=2e-5)
  np.testing.assert_array_equal(found.labels, np.arange(NUMBER))
  assert found.counts.all()
  # Of 40x60, at 21x32, the left square's right corners are the middle one's left.
  expected = [140, 144, 48] if name == 'shapes' else [48, 48, 48]
  assert found.crops[:3].tolist() == expected


def test_a_network_of_characters_is_shown_no_mirror_images(network):
  """It has seen none, and they would be other characters or none."""
  found = predictions(network, 'squares', 144, **{'dataset.mirror': False})
  expected = one_by_one(network, 'squares', mirrors=False)
  np.testing.assert_allclose(found.probabilities, expected, rtol=2e-5)
  assert np.all(found.crops == 24)


@pytest.mark.slow
@pytest.mark.parametrize(
  'name', [pytest.param('shapes', marks=pytest.mark.slow), 'squares']
)
@pytest.mark.parametrize(
  'number_of_crops', [pytest.param(1, marks=pytest.mark.slow), 144]
)
def test_devices_change_nothing(network, name, number_of_crops):
  """Of 8 devices some have nothing but padding."""
  alone, by_eight = (
    predictions(network, name, number_of_crops, num_devices=number) for number in (1, 8)
  )
  np.testing.assert_allclose(alone.probabilities, by_eight.probabilities, rtol=2e-5)
  for left, right in zip(alone[:3], by_eight[:3]):
    np.testing.assert_array_equal(left, right)


@pytest.mark.slow
@pytest.mark.parametrize(
  'name', ['shapes', pytest.param('squares', marks=pytest.mark.slow)]
)
@pytest.mark.parametrize('number_of_crops, start', [(1, 4), (144, 3)])
def test_the_rest_is_what_the_whole_has_there(network, name, number_of_crops, start):
  """Bit for bit, where the chunks are the same: here, mini-batches of 4 or 3 images."""
  overrides = {'evaluation_batch_size': 4} if number_of_crops == 1 else {}
  whole = predictions(network, name, number_of_crops, **overrides)
  rest = predictions(network, name, number_of_crops, start, **overrides)
  for left, right in zip(whole, rest):
    np.testing.assert_array_equal(left[start:], right)


@pytest.mark.slow
@pytest.mark.parametrize('number_of_crops', [1, 144])
def test_an_image_that_cannot_be_read_does_not_count(network, number_of_crops):
  found = predictions(
    network, 'broken', number_of_crops, **{'dataset.on_corrupt': 'skip'}
  )
  assert found.counts.tolist() == [i != BROKEN for i in range(NUMBER)]
  whole = predictions(network, 'shapes', number_of_crops)
  readable = found.counts
  np.testing.assert_allclose(
    found.probabilities[readable], whole.probabilities[readable], rtol=2e-5
  )


@pytest.mark.parametrize('number_of_crops', [1, 144])
def test_or_stops_the_evaluation(network, number_of_crops):
  with pytest.raises(UserError, match=r'^validation example 4 \(4.jpg\) is not a'):
    predictions(network, 'broken', number_of_crops)


def test_the_network_of_section_4_1_has_no_crops():
  devices = jax.devices()[:1]
  feed = open_test_feed(small_mlp('batch_norm'), devices)
  with pytest.raises(UserError, match='sees whole images; use --crops=1'):
    feed.views()


@pytest.mark.slow
def test_worker_processes_give_the_same_views():
  alone, by_two = (
    open_test_feed(
      config_of('shapes', **{'dataset.workers': number}), jax.local_devices()[:1]
    )
    for number in (0, 2)
  )
  for left, right in zip(alone.views(2), by_two.views(2), strict=True):
    jax.tree.map(np.testing.assert_array_equal, left, right)
