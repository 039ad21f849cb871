"""One optimization step of every config of section 4.2, on random images.

Of each, the whole of figure 5 is traced. Of each kind of network a step is taken, too:
what is compiled has two of its rows and XLA's quick compiler, as the configs differ in
none of the others.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fake_experiment import experiment_of, load, only_rows, small, take

from bn_repro.training.step import OfStep, OnDevices, initial_state, make_step

pytestmark = pytest.mark.usefixtures('quick_compiler')

CONFIGS = (
  'inception:{}', 'bn_baseline:{}', 'bn_x5:{}', 'bn_x30:{}', 'bn_x5_sigmoid:{}',
  'inception_x5:{}', 'inception_sigmoid:{}', *(f'ensemble:{m},{{}}' for m in '123456'),
)  # fmt: skip
# One of each kind: the others differ from one of these in numbers alone.
KINDS = (
  'inception:{}', 'bn_baseline:{}', 'bn_x30:{}', 'bn_x5_sigmoid:{}',
  'inception_sigmoid:{}', 'ensemble:6,{}',
)  # fmt: skip


def kind(name, dataset):
  """What `config.model` builds but for the rate of dropout and initial weights."""
  model = load(name, dataset).model.to_dict()
  return {k: v for k, v in model.items() if k not in ('dropout', 'weight_variance')}


@pytest.mark.parametrize('dataset', ['digits', 'imagenet2012'])
def test_every_config_is_of_one_of_the_kinds(dataset):
  kinds = [kind(name, dataset) for name in KINDS]
  assert all(kind(name, dataset) in kinds for name in CONFIGS)
  assert all(kinds.count(one) == 1 for one in kinds)


def assert_trained(states, metrics, is_normalized):
  """Everything is finite and float32, and every array has moved."""
  assert all(np.isfinite(value) for value in metrics[0].values())
  before, after = states
  assert after.step == 1
  moved = lambda *pair: not np.array_equal(*pair)
  for part in ('params', 'batch_stats'):
    found = getattr(after, part)
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(found))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))
    assert all(jax.tree.leaves(jax.tree.map(moved, getattr(before, part), found)))
  assert bool(jax.tree.leaves(after.batch_stats)) == is_normalized


@pytest.mark.slow
@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
@pytest.mark.parametrize('name', KINDS)
def test_a_step_of_every_kind(name, dtype, monkeypatch):
  """Run, of a network with the rows 3c and 5b."""
  only_rows(monkeypatch, '3c', '5b')
  config = small(name, **{'model.dtype': dtype})
  trained = take(experiment_of(config), range(1))
  assert_trained(*trained, is_normalized=config.model.batch_norm)


@pytest.mark.slow
def test_a_step_of_the_whole_depth():
  """Run, of all ten rows in bfloat16 with BN."""
  config = small('bn_x30:{}', **{'model.dtype': 'bfloat16'})
  assert_trained(*take(experiment_of(config), range(1)), is_normalized=True)


def traced_step(config):
  """State before a step, state after it and metrics, as shapes."""
  experiment = experiment_of(config, num_examples=1)
  inputs = jax.tree.map(lambda leaf: leaf[0], experiment.feeds.train.inputs(range(1)))
  state = jax.eval_shape(functools.partial(initial_state, experiment))
  step = make_step(experiment)
  on_devices = OnDevices(experiment.feeds.train.examples, experiment.hyperparameters)
  of_step = OfStep(jnp.float32(0.1), jnp.array(True))
  return state, *jax.eval_shape(step, state, on_devices, inputs, of_step)


@pytest.mark.slow
@pytest.mark.parametrize('name', CONFIGS)
def test_a_traced_step_of_every_config_on_imagenet(name):
  """Of its own size, in bfloat16: state, loss and norms stay float32."""
  config = load(name, 'imagenet2012', **{'num_devices': 1, 'model.dtype': 'bfloat16'})
  before, after, metrics = traced_step(config)
  assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), before) == jax.tree.map(
    lambda leaf: (leaf.shape, leaf.dtype), after
  )
  of_state = (after.params, after.batch_stats, after.optimizer_state, metrics)
  for leaf in jax.tree.leaves(of_state):
    assert leaf.dtype in (jnp.float32, jnp.int32)
    assert leaf.dtype == jnp.float32 or leaf.shape == ()  # the count of the rate
  assert set(metrics) == {
    'train/loss', 'train/accuracy', 'train/gradient_norm', 'train/update_norm'
  }  # fmt: skip
  assert bool(before.batch_stats) == config.model.batch_norm


@pytest.mark.slow
@pytest.mark.parametrize('name', ['inception:{}', 'bn_baseline:{}'])
def test_a_traced_step_with_all_that_may_be_added(name):
  """Auxiliary heads, a Polyak average, a penalty on gamma, two parts."""
  config = load(
    name, 'imagenet2012', num_devices=1, polyak_decay=0.999, gradient_accumulation=2,
    l2_on_gamma_and_beta=True,
    **{'model.auxiliary_heads': True, 'model.normalization_group': 16},
  )  # fmt: skip
  before, after, _ = traced_step(config)
  assert jax.tree.structure(before) == jax.tree.structure(after)
  assert after.averaged == after.params
  assert {'auxiliary_head_4a', 'auxiliary_head_4d'} < after.params.keys()
