"""One step of training: gradient, update, and what is measured on the way.

Does not know where a batch comes from, how often it is called, or on which
devices.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import optax

from bn_repro.data import sampler
from bn_repro.models import networks
from bn_repro.models.inception import AUXILIARY_LOGITS
from bn_repro.models.mlp import NOISE
from bn_repro.training import optimizer, parallel
from bn_repro.training.experiment import Experiment

NORMS = ('train/gradient_norm', 'train/update_norm')
AUXILIARY_WEIGHT = 0.3  # of each auxiliary head's loss (GoogLeNet)


@flax.struct.dataclass
class TrainState:
  """Everything that a step changes; arrays only.

  `averaged` holds the Polyak average of `params`, or nothing where the config has
  none.
  """

  step: jax.Array
  params: Any
  batch_stats: Any
  optimizer_state: Any
  averaged: Any


def initial_state(experiment: Experiment) -> TrainState:
  """The state at step 0."""
  config = experiment.config
  shape = experiment.feeds.image_shape
  variables = networks.initial_variables(experiment.model, config.seed, shape)
  params = variables['params']
  transformation = optimizer.build(config, experiment.lengths)
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    params=params,
    batch_stats=variables.get('batch_stats', {}),
    optimizer_state=transformation.init(params),
    averaged=jax.tree.map(jnp.copy, params) if config.get('polyak_decay') else {},
  )


def make_step(experiment: Experiment) -> Callable:
  """One step of training: (state, examples, inputs, is_last) -> state, metrics.

  Metrics are scalars: loss and accuracy of the mini-batch before the step, and
  the global norms of the gradient and of the update. The norms, a quarter of the
  time of a small step, are taken where `is_last` holds and 0 elsewhere.
  """
  config, feed = experiment.config, experiment.feeds.train
  axis = parallel.axis_name(experiment.devices)
  transformation = optimizer.build(config, experiment.lengths)
  differentiate = _accumulated(experiment.model, config.get('gradient_accumulation', 1))

  def norms_of(gradient, state):
    # The update again: shared with the step, it would be kept at every step.
    update, _ = transformation.update(gradient, state.optimizer_state, state.params)
    return dict(zip(NORMS, map(optax.tree.norm, (gradient, update))))

  def step(state, examples, inputs, is_last):
    batch = feed.batch(examples, inputs, sampler.TRAINING)
    key = noise_key(config.seed, state.step, axis)
    of_device = differentiate(state.params, state.batch_stats, batch, key)
    gradient, batch_stats, loss, accuracy = parallel.mean(of_device, axis)
    norms = jax.lax.cond(is_last, lambda: norms_of(gradient, state), _no_norms)
    update, optimizer_state = transformation.update(
      gradient, state.optimizer_state, state.params
    )
    params = optax.apply_updates(state.params, update)
    metrics = {'train/loss': loss, 'train/accuracy': accuracy} | norms
    averaged = _averaged(state.averaged, params, config)
    return (
      TrainState(state.step + 1, params, batch_stats, optimizer_state, averaged),
      metrics,
    )

  return step


def noise_key(seed: int, step: jax.Array, axis: str | None = None) -> jax.Array:
  """For dropout and other noise of one step on one device.

  Args:
    seed: of the run.
    step: scalar int32.
    axis: of the devices, each with a key of its own; None for one device.
  """
  key = jax.random.fold_in(jax.random.key(seed), step)
  return key if axis is None else jax.random.fold_in(key, jax.lax.axis_index(axis))


def _accumulated(model: nn.Module, parts: int) -> Callable:
  """(params, batch_stats, batch, key) -> gradient, batch_stats, loss, accuracy.

  The mini-batch is taken in so many equal parts, one after the other; each is
  normalized by itself, over all devices. Gradient, loss and accuracy are means over
  the parts.
  """
  loss_and_gradient = jax.value_and_grad(_loss, has_aux=True)

  def differentiate(params, batch_stats, batch, key):
    (loss, (accuracy, batch_stats)), gradient = loss_and_gradient(
      params, batch_stats, model, batch, key
    )
    return gradient, batch_stats, loss, accuracy

  def differentiate_parts(params, batch_stats, batch, key):
    keys = jax.random.split(key, parts)

    def add(carried, part):
      total, batch_stats = carried
      gradient, batch_stats, *scalars = differentiate(params, batch_stats, *part)
      return (jax.tree.map(jnp.add, total, (gradient, *scalars)), batch_stats), None

    zeros = (jax.tree.map(jnp.zeros_like, params), jnp.zeros(()), jnp.zeros(()))
    (total, batch_stats), _ = jax.lax.scan(
      add, (zeros, batch_stats), (in_parts(batch, parts), keys)
    )
    gradient, loss, accuracy = jax.tree.map(lambda leaf: leaf / parts, total)
    return gradient, batch_stats, loss, accuracy

  return differentiate if parts == 1 else differentiate_parts


def in_parts(tree: Any, parts: int) -> Any:
  """A tree of `[batch, ...]` as one of `[parts, batch / parts, ...]`.

  A part takes every so manieth example, and so the same ones, in the same order, from
  a whole mini-batch as from the shares of several devices.
  """
  return jax.tree.map(
    lambda leaf: leaf.reshape(
      len(leaf) // parts, parts, *leaf.shape[1:]
    ).swapaxes(0, 1), tree
  )  # fmt: skip


def _loss(params, batch_stats, model, batch, key):
  """Mean cross-entropy of a mini-batch; and accuracy and the new `batch_stats`.

  Auxiliary heads, where there are any, add theirs at `AUXILIARY_WEIGHT`.
  """
  logits, updated = model.apply(
    {'params': params, 'batch_stats': batch_stats},
    batch.images, train=True, mutable=['batch_stats', AUXILIARY_LOGITS],
    rngs={'dropout': key, NOISE: key},
  )  # fmt: skip
  loss = cross_entropy(logits, batch.labels)
  for auxiliary in jax.tree.leaves(updated.get(AUXILIARY_LOGITS, {})):
    loss += AUXILIARY_WEIGHT * cross_entropy(auxiliary, batch.labels)
  accuracy = jnp.mean(jnp.argmax(logits, axis=-1) == batch.labels)
  return loss, (accuracy, updated.get('batch_stats', {}))


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
  """Its mean over a mini-batch, in nats: a scalar of the logits' dtype.

  Args:
    logits: `[m, classes]`, float.
    labels: `[m]`, integers below classes.
  """
  return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))


def _no_norms():
  return {tag: jnp.zeros(()) for tag in NORMS}


def _averaged(averaged, params, config):
  """The Polyak average of the weights after a step."""
  if not config.get('polyak_decay', 0.0):
    return averaged
  return optax.incremental_update(params, averaged, 1 - config.polyak_decay)
