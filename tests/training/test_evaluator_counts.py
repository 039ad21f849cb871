"""Every test example counts once, over any devices, in any pieces; others never."""

import jax
import numpy as np
import pytest

from bn_repro.data import pixels, sources
from bn_repro.run.errors import UserError
from bn_repro.training import experiment
from bn_repro.training.evaluator import Evaluator, ExampleEvaluator
from bn_repro.training.experiment import first_examples
from bn_repro.training.step import initial_state
from support import small_config

NOT_COUNTED = [*range(20), 33, *range(300, 360)]


class SomeUnreadable(pixels.PixelFeed):
  """The digits, of which some count as if they could not be read."""

  def inputs_in_order(self, size, start=0, stop=None):
    for inputs in super().inputs_in_order(size, start, stop):
      is_readable = ~np.isin(inputs.indices, NOT_COUNTED)
      yield inputs._replace(counts=inputs.counts & is_readable)


def evaluated(built):
  """What the evaluator returns for the initial weights."""
  state = jax.device_get(initial_state(built))
  return Evaluator(built, built.feeds.train.examples)(state)


def build(config, **fields):
  """Without batch normalization, whose population statistics depend on the devices."""
  config.update_from_flattened_dict({'model.batch_norm': False} | fields)
  return experiment.build(config)


@pytest.fixture(scope='module')
def one_by_one():
  """Whether each test digit is right, and its loss, by NumPy: weights as in `build`."""
  built = build(small_config('batch_norm'))
  params = jax.device_get(initial_state(built).params)
  test = sources.load('digits').test
  x = (test.images > 127).reshape(360, 64).astype(np.float64)
  for layer in ('hidden_1', 'hidden_2', 'hidden_3'):
    x = 1 / (1 + np.exp(-(x @ params[layer]['kernel'] + params[layer]['bias'])))
  logits = x @ params['logits']['kernel'] + params['logits']['bias']
  losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(360), test.labels]
  return np.argmax(logits, axis=1) == test.labels, losses


@pytest.mark.slow
@pytest.mark.parametrize('num_devices', [1, 2, 4])
@pytest.mark.parametrize('size', [7, 64, 1000])
def test_devices_and_pieces_change_no_accuracy(config, one_by_one, num_devices, size):
  """All 360 examples are in the mean, each once."""
  built = build(config, num_devices=num_devices, evaluation_batch_size=size)
  scalars, inputs = evaluated(built)
  is_right, losses = one_by_one
  assert scalars['test/accuracy'] == is_right.mean()
  np.testing.assert_allclose(scalars['test/loss'], losses.mean(), rtol=1e-5)
  assert inputs.shape == (360, 100)
  assert 'data/skipped_test_images' not in scalars


@pytest.mark.parametrize('num_devices, size', [(1, 20), (4, 7)])
def test_examples_that_do_not_count_are_left_out(config, one_by_one, num_devices, size):
  """Of 20 at a time, the first and the last pieces have none that counts."""
  built = build(config, num_devices=num_devices, evaluation_batch_size=size)
  test = SomeUnreadable(built.feeds.test.examples, config, built.devices)
  scalars, inputs = evaluated(built._replace(feeds=built.feeds._replace(test=test)))
  is_right, losses = (np.delete(values, NOT_COUNTED) for values in one_by_one)
  assert scalars['test/accuracy'] == is_right.mean()
  np.testing.assert_allclose(scalars['test/loss'], losses.mean(), rtol=1e-5)
  assert len(inputs) == len(losses) == 279
  assert scalars['data/skipped_test_images'] == 81


def test_what_was_left_out_is_counted_anew_in_each_evaluation(config):
  """With what was left out when the data set was opened, and without padding."""
  built = build(config)
  feed = SomeUnreadable(built.feeds.test.examples, config, built.devices)
  feed.skipped = tuple(range(7))
  evaluate = ExampleEvaluator(built, feed, stop=350)
  params = jax.device_get(initial_state(built).params)
  counted = []
  for _ in range(2):
    evaluate(params, {})
    counted.append(evaluate.num_skipped)
  assert counted == 2 * [7 + 21 + 50]


@pytest.mark.parametrize(
  'number, kept', [(1, 1), (2, 1), (9, 8), (16, 14), (1000, 360), (None, 360)]
)
def test_the_first_of_a_split_are_the_same_however_they_are_read(config, number, kept):
  """`--examples=N`: of 362, one feed has left out the second and the sixteenth."""
  feed = build(config).feeds.test
  feed.skipped = (1, 15)
  assert feed.num_kept_among(number) == kept
  whole = 362 if number is None else min(number, 362)
  assert feed.num_skipped_among(number) == whole - kept


def test_a_half_of_which_nothing_counts_is_no_divergence(config):
  """The mean of nothing is not finite, which would pass for it."""
  built = build(config)
  test = SomeUnreadable(built.feeds.test.examples, config, built.devices)
  params = jax.device_get(initial_state(built).params)
  with pytest.raises(UserError, match='none of the 20 examples can be read'):
    ExampleEvaluator(built, test, stop=20)(params, {})


@pytest.mark.parametrize('num_devices', [1, 4])
@pytest.mark.parametrize('number', [30, 351, 1000])
def test_the_first_examples_are_those_that_count(config, num_devices, number):
  """However many devices share them, and without padding."""
  built = build(config, num_devices=num_devices)
  examples = built.feeds.test.examples
  for feed, left_out in (
    (built.feeds.test, []),
    (SomeUnreadable(examples, config, built.devices), NOT_COUNTED),
  ):
    batch = first_examples(feed, number, built.devices)
    expected = [i for i in range(min(number, 360)) if i not in left_out]
    np.testing.assert_array_equal(batch.labels, examples.labels[expected])
    assert len(batch.images) == len(expected) and np.all(batch.counts)


def test_training_images_evaluated_leave_the_count_of_training_alone(config):
  with config.unlocked():
    config.training_images_evaluated = 30
  built = build(config)
  train = SomeUnreadable(built.feeds.train.examples, config, built.devices)
  evaluated(built._replace(feeds=built.feeds._replace(train=train)))
  assert train.num_skipped == 0
