"""A step means the same on one device and on many."""

import jax
import numpy as np
import pytest

from bn_repro.run.errors import UserError
from bn_repro.training import experiment, parallel
from bn_repro.training.step import Steps, initial_state


def after_some_steps(config, num_devices):
  """State and metrics after 20 steps on that many devices, on the host."""
  config.num_devices = num_devices
  built = experiment.build(config)
  take, state = Steps(built), initial_state(built)
  for steps in (range(10), range(10, 20)):
    inputs = built.feeds.train.inputs(steps)
    state, metrics = take(state, steps, inputs, last=steps[-1])
  return jax.tree.map(np.asarray, (state, metrics))


@pytest.mark.slow
@pytest.mark.parametrize('num_devices', [2, 4])
@pytest.mark.parametrize('network', [True, False], ids=['batch_norm', 'baseline'])
def test_many_devices_train_as_one_does(config, num_devices, network):
  """Moments, running statistics, gradients and metrics are those of one batch."""
  config.model.batch_norm, config.momentum = network, 0.9
  alone, together = (after_some_steps(config, n) for n in (1, num_devices))
  jax.tree.map(
    lambda one, many: np.testing.assert_allclose(one, many, rtol=2e-4, atol=2e-5),
    alone,
    together,
  )


def test_metrics_are_those_of_every_step(config):
  _, metrics = after_some_steps(config, 1)
  assert {tag: value.shape for tag, value in metrics.items()} == {
    'train/loss': (10,),
    'train/accuracy': (10,),
    'train/gradient_norm': (10,),
    'train/update_norm': (10,),
  }
  np.testing.assert_array_equal(metrics['train/update_norm'][:-1], 0)  # not taken
  np.testing.assert_allclose(
    metrics['train/update_norm'],
    config.learning_rate * metrics['train/gradient_norm'],
    rtol=1e-5,
  )


def test_more_devices_than_there_are():
  with pytest.raises(UserError, match='num_devices=99, but there are 8'):
    parallel.choose_devices(99, 198)


def test_a_batch_that_cannot_be_split():
  with pytest.raises(UserError, match='batch_size=60 cannot be split over 8'):
    parallel.choose_devices(0, 60)


def assert_same_as_alone(config, num_devices):
  """After some steps on several devices all is what it is on one, but for rounding."""
  alone, spread = (after_some_steps(config, n) for n in (1, num_devices))
  jax.tree.map(
    lambda one, many: np.testing.assert_allclose(one, many, rtol=2e-4, atol=2e-5),
    alone,
    spread,
  )


@pytest.mark.slow
@pytest.mark.parametrize('num_devices', [2, 4, 8])
def test_groups_are_the_same_wherever_they_lie(config, num_devices):
  """Groups of 16 out of 64: ghost batches, one a device, two devices a group."""
  config.batch_size, config.model.normalization_group = 64, 16
  assert_same_as_alone(config, num_devices)


@pytest.mark.slow
@pytest.mark.parametrize('num_devices', [2, 4])
@pytest.mark.parametrize('group', [0, 4, 16], ids='groups of {}'.format)
def test_parts_are_the_same_wherever_they_lie(config, num_devices, group):
  """Of 64 examples two parts, each normalized whole or in groups."""
  config.batch_size, config.model.normalization_group = 64, group
  config.gradient_accumulation = 2
  assert_same_as_alone(config, num_devices)


@pytest.mark.slow
def test_groups_make_a_difference(config):
  """Moments of 16 examples are not those of 64."""
  config.batch_size = 64
  whole, _ = after_some_steps(config, 1)
  config.model.normalization_group = 16
  grouped, _ = after_some_steps(config, 1)
  left, right = (state.params['hidden_1']['kernel'] for state in (whole, grouped))
  assert np.max(np.abs(left - right)) > 1e-3


@pytest.mark.parametrize(
  'group, batch, devices, expected',
  [
    (0, 64, 1, {}),
    (64, 64, 1, {}),
    (16, 64, 1, {'group_size': 16}),
    (8, 64, 4, {'group_size': 8}),
    (16, 64, 4, {}),
    (0, 64, 4, {'axis_name': 'devices'}),
    (
      32,
      64,
      4,
      {'axis_name': 'devices', 'axis_index_groups': ((0, 1), (2, 3))},
    ),
  ],
)
def test_how_a_group_lies_on_the_devices(group, batch, devices, expected):
  assert parallel.normalization_groups(group, batch, devices) == expected


@pytest.mark.parametrize(
  'group, batch, devices', [(48, 64, 1), (24, 96, 6), (128, 64, 1)]
)
def test_groups_that_do_not_fit(group, batch, devices):
  with pytest.raises(UserError, match=f'normalization_group={group} does not divide'):
    parallel.normalization_groups(group, batch, devices)
