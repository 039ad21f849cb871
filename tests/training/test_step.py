"""The parts of a step: accumulation, the Polyak average, auxiliary heads, dropout."""

import functools
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from fake_experiment import experiment_of, only_rows, small, take
from flax import linen as nn
from numpy.testing import assert_allclose

from bn_repro.data import sampler
from bn_repro.models.inception import AUXILIARY_LOGITS
from bn_repro.training.evaluator import Evaluator
from bn_repro.training.step import initial_state

pytestmark = pytest.mark.usefixtures('quick_compiler')
CLASSES = 10
# For the networks of this file that have no dropout of their own.
NO_DROPOUT = {'model.dropout': 0.0}


@pytest.fixture
def stem_only(monkeypatch):
  """Networks without rows."""
  only_rows(monkeypatch)


# Gradient accumulation.


def cross_entropy(logits, labels):
  """The mean over a mini-batch, in float64."""
  logits = np.asarray(logits, np.float64)
  log_sum = np.log(np.exp(logits).sum(axis=1))
  return np.mean(log_sum - logits[np.arange(len(labels)), labels])


@pytest.mark.slow
@pytest.mark.parametrize('name', ['inception:{}', 'bn_x5:{}'])
def test_a_step_in_two_parts_has_the_mean_of_their_gradients(name, stem_only):
  """Each half is normalized by itself, and each moves the running statistics."""
  config = small(
    name, gradient_accumulation=2, learning_rate=1.0, momentum=0.0, l2=0.0,
    **{'model.dropout': 0.0, 'model.width': 0.25},
  )  # fmt: skip
  experiment = experiment_of(config)
  (before, after), (metrics,) = take(experiment, range(1))
  feed = experiment.feeds.train
  inputs = jax.tree.map(lambda leaf: leaf[0], feed.inputs(range(1)))
  distortion = experiment.hyperparameters.distortion(sampler.TRAINING)
  batch_of = jax.jit(functools.partial(feed.batch, distortion=distortion))
  images, labels, _ = batch_of(feed.examples, inputs)

  @jax.jit
  def differentiated(params, batch_stats, images, labels):
    def loss(params):
      logits, updated = experiment.model.apply(
        {'params': params, 'batch_stats': batch_stats}, images, train=True,
        mutable=['batch_stats'],
      )  # fmt: skip
      chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1)
      return -jnp.mean(chosen), updated.get('batch_stats', {})

    return jax.value_and_grad(loss, has_aux=True)(params)

  batch_stats, losses, gradients = before.batch_stats, [], []
  for half in (slice(0, None, 2), slice(1, None, 2)):
    (loss, batch_stats), gradient = differentiated(
      before.params, batch_stats, images[half], labels[half]
    )
    losses.append(loss)
    gradients.append(gradient)
  expected = jax.tree.map(lambda w, *g: w - np.mean(g, 0), before.params, *gradients)
  close = functools.partial(assert_allclose, rtol=1e-4, atol=1e-5)
  jax.tree.map(close, after.params, expected)
  jax.tree.map(close, after.batch_stats, batch_stats)
  assert_allclose(metrics['train/loss'], np.mean(losses), rtol=1e-5)


# The Polyak average.


@pytest.mark.slow
def test_the_polyak_average_is_the_exponential_one_of_the_weights(stem_only):
  config = small('bn_x30:{}', polyak_decay=0.8)
  states, _ = take(experiment_of(config), range(3))
  averaged = states[0].params
  for state in states[1:]:
    averaged = jax.tree.map(lambda a, w: 0.8 * a + 0.2 * w, averaged, state.params)
    close = functools.partial(assert_allclose, rtol=1e-5, atol=1e-6)
    jax.tree.map(close, state.averaged, averaged)


def test_averaged_weights_are_evaluated_with_population_statistics_of_their_own(
  stem_only,
):
  config = small('bn_x30:{}', polyak_decay=0.8, **{'model.width': 0.5})
  experiment = experiment_of(config)
  state = jax.device_get(initial_state(experiment).replace(step=jnp.ones((), int)))
  rng = np.random.default_rng(1)
  other = jax.tree.map(
    lambda w: w + rng.normal(0, 0.5, w.shape).astype('f4'), state.params
  )
  evaluate = Evaluator(experiment, experiment.feeds.train.examples)
  both, _ = evaluate(state.replace(averaged=other))
  alone, _ = evaluate(state.replace(params=other, averaged={}))
  assert both['test/accuracy_polyak'] == alone['test/accuracy']
  assert both['test/accuracy_polyak'] != both['test/accuracy']
  assert 'test/accuracy_polyak' not in alone


def test_the_average_of_no_step_is_not_evaluated_again(stem_only):
  experiment = experiment_of(small('bn_x30:{}', polyak_decay=0.8))
  state = jax.device_get(initial_state(experiment))
  evaluate = Evaluator(experiment, experiment.feeds.train.examples)
  measured = mock.Mock(side_effect=evaluate.population_statistics)
  evaluate.population_statistics = measured
  once, _ = evaluate(state)
  assert measured.call_count == 1
  anew, _ = evaluate(state.replace(step=np.ones((), int)))
  assert measured.call_count == 3
  assert once == anew


def test_there_is_no_average_by_default(stem_only):
  assert initial_state(experiment_of(small('bn_x30:{}'))).averaged == {}


# What the step takes from a network: networks that only say that.


class WithHeads(nn.Module):
  """Logits, and those of two auxiliary heads, as parameters."""

  @nn.compact
  def __call__(self, images, *, train):
    rows = [self.param(name, nn.initializers.normal(1.0), (CLASSES,)) for name in 'abc']
    logits, *heads = (jnp.broadcast_to(row, (len(images), CLASSES)) for row in rows)
    for name, of_head in zip(('first', 'second'), heads):
      self.sow(AUXILIARY_LOGITS, name, of_head)
    return logits


def test_auxiliary_heads_add_three_tenths_of_their_losses():
  """To the loss, and so to the gradient; accuracy is that of the main logits."""
  config = small('inception:{}', learning_rate=1.0, momentum=0.0, l2=0.0, **NO_DROPOUT)
  experiment = experiment_of(config, WithHeads())
  (before, after), (metrics,) = take(experiment, range(1))
  feed = experiment.feeds.train
  labels = feed.examples.labels[feed.inputs(range(1)).indices[0]]
  weights, losses, shares = (
    {'a': 1.0, 'b': 0.3, 'c': 0.3},
    {},
    np.eye(CLASSES)[labels],
  )
  for name, weight in weights.items():
    logits = before.params[name].astype('f8')
    losses[name] = cross_entropy(np.tile(logits, (8, 1)), labels)
    softmax = np.exp(logits) / np.exp(logits).sum()
    gradient = weight * (softmax - shares.mean(axis=0))
    assert_allclose(after.params[name], logits - gradient, rtol=1e-5, atol=1e-6)
  total = sum(weight * losses[name] for name, weight in weights.items())
  assert_allclose(metrics['train/loss'], total, rtol=1e-5)
  best = np.argmax(before.params['a'])
  assert metrics['train/accuracy'] == pytest.approx(np.mean(labels == best))


class Draws(nn.Module):
  """Keeps the last four numbers drawn from the stream 'dropout', and their squares."""

  @nn.compact
  def __call__(self, images, *, train):
    bias = self.param('bias', nn.initializers.zeros, (CLASSES,))
    kept = self.variable('batch_stats', 'kept', jnp.zeros, (4, 2))
    if train:
      drawn = jax.random.uniform(self.make_rng('dropout'))
      of_call = jnp.stack([drawn, drawn * drawn])[None]
      kept.value = jnp.concatenate([kept.value[1:], of_call])
    return jnp.broadcast_to(bias, (len(images), CLASSES))


def drawn(steps=range(4), **overrides):
  """`[4, 2]`: means over the devices of the last draws and their squares."""
  config = small('inception:{}', **NO_DROPOUT | overrides)
  states, _ = take(experiment_of(config, Draws()), steps)
  return states[-1].batch_stats['kept'].astype('f8')


def test_what_is_dropped_differs_from_step_to_step_and_seed_to_seed():
  """And is the same again for the same seed."""
  draws = np.concatenate([drawn(seed=0)[:, 0], drawn(seed=1)[:, 0]])
  assert len(set(draws)) == 8
  np.testing.assert_array_equal(draws[:4], drawn(seed=0)[:, 0])


def test_what_is_dropped_differs_from_part_to_part():
  draws = drawn(range(2), gradient_accumulation=2)[:, 0]
  assert len(set(draws)) == 4


def test_what_is_dropped_differs_from_device_to_device():
  """The draws of a step have a variance over two devices, and none on one."""
  for num_devices, is_spread in ((1, False), (2, True)):
    means, squares = drawn(num_devices=num_devices).T
    assert ((squares - means**2 > 1e-6) == is_spread).all()


@pytest.mark.slow
def test_the_gradient_norm_is_that_of_the_loss_and_the_update_norm_of_the_change(
  stem_only,
):
  """Of the first step: with a penalty and momentum, from the states themselves."""
  config = small('bn_x30:{}', l2=0.1)
  (before, after), (metrics,) = take(experiment_of(config), range(1))
  change = jax.tree.map(np.subtract, after.params, before.params)
  norm = float(optax.tree.norm(change))
  assert metrics['train/update_norm'] == pytest.approx(norm, rel=1e-3)
  penalty = jax.tree_util.tree_map_with_path(
    lambda path, w: 0.1 * w * (path[-1].key == 'kernel'), before.params
  )
  gradient = jax.tree.map(lambda d, p: d / -0.045 - p, change, penalty)
  norm = float(optax.tree.norm(gradient))
  assert metrics['train/gradient_norm'] == pytest.approx(norm, rel=1e-3)
