"""Section 4.2.1: each of the seven changes alters what it names and nothing else.

BN-Baseline with one field of BN-x5 at a time: configs and what is built of them.
"""

import functools
import itertools
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from bn_repro.data import sampler
from bn_repro.models import describe, networks
from bn_repro.run import config as config_lib
from bn_repro.training import experiment, hyperparameters, optimizer
from configs.sweeps import inception_ablation
from support import PROJECT

EPOCHS = np.arange(0, 33)  # where the rate is looked at
STEPS = range(90)  # two epochs of 44.9 steps
# What of `Built` each field changes.
CHANGES = {
  'learning_rate': {'rate'},
  'model.dropout': {'layers'},
  'l2': {'penalty'},
  'learning_rate_decay_every': {'fall'},
  'model.local_response_normalization': {'layers'},
  'shuffling': {'order'},
  'photometric_distortion': {'pixels'},
}


def load(network, **overrides):
  return config_lib.load(str(PROJECT / 'configs' / f'{network}.py:digits'), overrides)


class Built(NamedTuple):
  """What a config becomes, part by part."""

  rate: float  # of the first step
  fall: np.ndarray  # of the rate, as a share of the first one
  penalty: dict[str, float]  # what is added to the gradient of a parameter of 1
  layers: dict[str, Any]  # outputs and numbers of parameters, in order
  order: np.ndarray  # of the examples
  boxes: np.ndarray  # that are cut out of them
  pixels: np.ndarray  # of a mini-batch in training
  test_pixels: np.ndarray


def built(config) -> Built:
  made = experiment.build(config)
  feeds = made.feeds
  rate = made.learning_rates
  first = float(rate(0))
  steps = EPOCHS * feeds.train.num_examples // config.batch_size
  inputs, (test_inputs, *_) = feeds.train.inputs(STEPS), feeds.test.inputs_in_order(32)
  # The same examples and boxes, whatever the order of this config is.
  shown = jax.tree.map(lambda leaf: leaf[0], usual_inputs())
  see = lambda feed, inputs, distortion: jax.jit(
    functools.partial(feed.batch, distortion=distortion)
  )(feed.examples, inputs)
  distortion = made.hyperparameters.distortion(sampler.TRAINING)
  rows = describe.rows_of(made.model, feeds.image_shape)
  return Built(
    rate=first,
    fall=np.asarray(rate(steps)) / first,
    penalty=penalty_of(config),
    layers={row.name: row[1:] for row in rows},
    order=inputs.indices,
    boxes=inputs.boxes,
    pixels=np.asarray(see(feeds.train, shown, distortion).images),
    test_pixels=np.asarray(see(feeds.test, test_inputs, None).images),
  )


@functools.cache
def usual_inputs():
  return experiment.build(load('bn_baseline', num_devices=1)).feeds.train.inputs(STEPS)


def penalty_of(config):
  """The first update of parameters that are 1, without a gradient, over the rate."""
  params = {name: np.ones(1, 'f4') for name in ('kernel', 'bias', 'gamma', 'beta')}
  zeros = jax.tree.map(np.zeros_like, params)
  l2 = hyperparameters.of_run(config).l2
  transformation = optimizer.build(config, config.learning_rate, l2)
  update, _ = transformation.update(zeros, transformation.init(params), params)
  per_rate = {name: -of[0] / config.learning_rate for name, of in update.items()}
  return {name: float(f'{penalty:.5g}') for name, penalty in per_rate.items()}


@functools.cache
def baseline():
  return built(load('bn_baseline', num_devices=1))


@functools.cache
def with_one_change(field):
  """BN-Baseline with one field of BN-x5."""
  value = config_lib.flatten(load('bn_x5'))[field]
  return built(load('bn_baseline', num_devices=1, **{field: value}))


def is_same(left, right):
  if isinstance(left, np.ndarray):
    return np.array_equal(left, right) or (
      left.dtype == np.float32 and np.allclose(left, right, rtol=1e-5, atol=1e-6)
    )
  return left == pytest.approx(right) if isinstance(left, float) else left == right


def test_there_are_seven():
  before, after = (config_lib.flatten(load(n)) for n in ('bn_baseline', 'bn_x5'))
  changed = {field for field in before if before[field] != after[field]}
  assert changed == {*CHANGES, 'network'}
  assert len(CHANGES) == 7
  assert set(inception_ablation.CHANGES) == set(CHANGES)


@pytest.mark.parametrize('field', CHANGES)
def test_one_change_changes_one_field_of_the_config(field):
  usual = load('bn_baseline')
  before = config_lib.flatten(usual)
  usual.update_from_flattened_dict({field: config_lib.flatten(load('bn_x5'))[field]})
  after = config_lib.flatten(usual)
  assert {name for name in before if before[name] != after[name]} == {field}


@pytest.mark.slow
@pytest.mark.parametrize('field', CHANGES)
def test_one_change_changes_one_part_of_what_is_built(field):
  pairs = zip(Built._fields, baseline(), with_one_change(field))
  changed = {name for name, before, after in pairs if not is_same(before, after)}
  assert changed == CHANGES[field]


@pytest.mark.slow
def test_the_rate_is_five_times_as_high():
  assert with_one_change('learning_rate').rate == pytest.approx(5 * baseline().rate)


def test_dropout_is_gone_and_every_other_layer_is_there():
  layers = dict(baseline().layers)
  assert layers.pop('dropout')
  assert with_one_change('model.dropout').layers == layers
  assert networks.build(load('bn_baseline'), 10).dropout == 0.4


def test_response_normalization_is_gone_and_every_other_layer_is_there():
  layers = dict(baseline().layers)
  for number in (1, 2):
    assert layers.pop(f'local_response_normalization_{number}')
  changed = with_one_change('model.local_response_normalization')
  assert changed.layers == layers


def test_the_penalty_is_a_fifth():
  """Of weights; nothing else has one, before or after."""
  before, after = baseline().penalty, with_one_change('l2').penalty
  assert before == pytest.approx({'kernel': 2e-4, 'bias': 0, 'gamma': 0, 'beta': 0})
  assert after == pytest.approx({'kernel': 4e-5, 'bias': 0, 'gamma': 0, 'beta': 0})


def test_the_rate_falls_six_times_as_fast():
  """Four times by 4 % in 32 epochs, and 24 times."""
  after = with_one_change('learning_rate_decay_every').fall
  assert_allclose(baseline().fall[[1, 9, 17, 25]], 0.96 ** np.arange(4.0), rtol=1e-5)
  assert_allclose(after[[1, 9, 17, 25]], 0.96 ** np.array([0, 6, 12, 18]), rtol=1e-5)


def test_thorough_shuffling_separates_neighbours():
  """Both orders take every example once an epoch."""
  kept = {}
  for name, order in (('coarse', baseline().order),
                      ('thorough', with_one_change('shuffling').order)):  # fmt: skip
    first, second = order.ravel()[: 2 * 1437].reshape(2, 1437)
    np.testing.assert_array_equal(np.sort(first), np.arange(1437))
    np.testing.assert_array_equal(np.sort(second), np.arange(1437))
    neighbours = [set(itertools.pairwise(epoch)) for epoch in (first, second)]
    kept[name] = len(set.intersection(*neighbours)) / 1436
  assert kept['coarse'] > 0.99
  assert kept['thorough'] < 0.01


def test_photometric_distortions_are_weaker_not_gone():
  none = built(load('bn_baseline', num_devices=1, photometric_distortion=0.0)).pixels
  full, reduced = baseline().pixels, with_one_change('photometric_distortion').pixels
  change = [np.abs(pixels - none).mean() for pixels in (reduced, full)]
  assert 0.3 < change[0] / change[1] < 0.7
