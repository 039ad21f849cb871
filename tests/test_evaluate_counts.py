"""Every test example counts once, over any devices, in any pieces; others never."""

import jax
import numpy as np
import pytest

from bn_repro import evaluate, experiment, models
from bn_repro.data import pipeline, sources
from bn_repro.step import initial_state


def built_with(config, **fields):
  config.update_from_flattened_dict(fields)
  return experiment.build(config)


def evaluated(built, state):
  """The scalars of an evaluation, and the inputs of the sigmoids."""
  return evaluate.Evaluator(built, built.feeds.train.examples)(state)


@pytest.mark.parametrize('num_devices', [1, 2, 4])
@pytest.mark.parametrize('size', [7, 64, 1000])
def test_devices_and_pieces_change_no_accuracy(config, num_devices, size):
  """Against NumPy, without batch normalization: every example is in the mean once."""
  fields = {'model.batch_norm': False, 'evaluation_batch_size': size}
  built = built_with(config, num_devices=num_devices, **fields)
  state = jax.device_get(initial_state(built))
  scalars, inputs = evaluated(built, state)
  test = sources.load('digits').test
  logits = models.build(config, 10).apply(
    {'params': state.params}, (test.images > 127).astype(np.float32), train=False
  )
  assert scalars['test/accuracy'] == np.mean(np.argmax(logits, 1) == test.labels)
  losses = -jax.nn.log_softmax(logits)[np.arange(360), test.labels]
  np.testing.assert_allclose(scalars['test/loss'], np.mean(losses), rtol=1e-5)
  assert inputs.shape == (360, 100)
