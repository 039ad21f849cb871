"""A mini-batch that is trained in parts is measured in parts, too."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from bn_repro.training import experiment
from bn_repro.training.probes.next_step import NextStep
from bn_repro.training.step import Steps, initial_state
from support import small_config

pytestmark = pytest.mark.usefixtures('quick_compiler')
DROPOUT = {
  'normalizer': 'batch_norm', 'placement': 'before', 'gamma_and_beta': True,
  'bias': False, 'dropout': 0.3, 'noise': True, 'scale_of_layer_2': 1.0,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize('parts, group, variant', [(1, 0, {}), (2, 15, DROPOUT)])
def test_the_update_is_that_of_the_step(parts, group, variant):
  """With its groups and its noise; the last loss is the one that training reports."""
  sizes = {'model.hidden_sizes': (9, 8), 'model.normalization_group': group}
  config = small_config('batch_norm', num_devices=1, tracked_unit=0, **sizes)
  with config.unlocked():
    config.gradient_accumulation = parts
    if variant:
      config.variant = variant
  built = experiment.build(config)
  state = jax.device_get(initial_state(built))

  def measure(step):
    (loss, inputs), _ = step.differentiate(step.params)
    flat, _ = ravel_pytree(step.update)
    values = {f'update/{i}': flat[i] for i in range(0, len(flat), 50)}
    return values | {'loss': loss, 'examples': jnp.float32(len(inputs[-1]))}

  found = NextStep(built, measure)(state, None)
  first = range(1)
  after, metrics = Steps(built)(state, first, built.feeds.train.inputs(first), last=0)
  assert found.pop('examples') == 60
  assert found.pop('loss') == pytest.approx(float(metrics['train/loss'][0]), rel=1e-5)
  moved = jax.tree.map(lambda a, b: np.asarray(a) - b, after.params, state.params)
  expected = np.asarray(ravel_pytree(moved)[0])
  for tag, value in found.items():
    assert value == pytest.approx(expected[int(tag.partition('/')[2])], abs=1e-6)
