"""One step of training: gradient, update, and what is measured on the way.

Does not know where a batch comes from, how often it is called, or on which
devices.
"""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from bn_repro.data import sampler
from bn_repro.data.feed import Batch
from bn_repro.models import networks
from bn_repro.models.inception import AUXILIARY_LOGITS
from bn_repro.models.mlp import NOISE
from bn_repro.training import parallel
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
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    params=params,
    batch_stats=variables.get('batch_stats', {}),
    optimizer_state=experiment.optimizer.init(params),
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
  optimizer = experiment.optimizer
  differentiate = _accumulated(experiment.model, experiment.parts)

  def norms_of(gradient, state):
    # The update again: shared with the step, it would be kept at every step.
    update, _ = optimizer.update(gradient, state.optimizer_state, state.params)
    return dict(zip(NORMS, map(optax.tree.norm, (gradient, update))))

  def step(state, examples, inputs, is_last):
    batch = feed.batch(examples, inputs, sampler.TRAINING)
    key = noise_key(config.seed, state.step, axis)
    of_device = differentiate(state.params, state.batch_stats, batch, key)
    gradient, batch_stats, loss, accuracy = parallel.mean(of_device, axis)
    norms = jax.lax.cond(is_last, lambda: norms_of(gradient, state), _no_norms)
    update, optimizer_state = optimizer.update(
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


def noise_key(
  seed: int, step: Int[Array, ''] | int, axis: str | None = None
) -> jax.Array:
  """For dropout and noise of a step; each of the devices of `axis` has its own."""
  key = jax.random.fold_in(jax.random.key(seed), step)
  return key if axis is None else jax.random.fold_in(key, jax.lax.axis_index(axis))


def _accumulated(model: nn.Module, parts: int) -> Callable:
  """(params, batch_stats, batch, key) -> gradient, batch_stats, loss, accuracy.

  The mini-batch is taken in `parts` equal parts, one after the other; each is
  normalized by itself, over all devices. Gradient, loss and accuracy are means over
  the parts.
  """
  loss_and_gradient = jax.value_and_grad(loss, has_aux=True)

  def differentiate(params, batch_stats, batch, key):
    (value, (accuracy, updated)), gradient = loss_and_gradient(
      params, batch_stats, model, batch, key
    )
    return gradient, updated.get('batch_stats', {}), value, accuracy

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
    gradient, value, accuracy = jax.tree.map(lambda leaf: leaf / parts, total)
    return gradient, batch_stats, value, accuracy

  return differentiate if parts == 1 else differentiate_parts


def in_parts(tree: Any, parts: int) -> Any:
  """A tree of `[batch, ...]` as one of `[parts, batch / parts, ...]`.

  Part p takes examples p, p + parts, p + 2 * parts, ... A part therefore holds the
  same examples however many devices share the mini-batch.
  """
  return jax.tree.map(
    lambda leaf: leaf.reshape(
      len(leaf) // parts, parts, *leaf.shape[1:]
    ).swapaxes(0, 1), tree
  )  # fmt: skip


def loss(
  params: Any,
  batch_stats: Any,
  model: nn.Module,
  batch: Batch,
  key: jax.Array,
  sown: str = AUXILIARY_LOGITS,
) -> tuple[jax.Array, tuple[jax.Array, Mapping[str, Any]]]:
  """Mean cross-entropy of a mini-batch in training; its accuracy, new collections.

  The collections are `batch_stats`, if the network has any, and what it has `sown`.
  Auxiliary heads, where they sow logits, add their losses at `AUXILIARY_WEIGHT`.
  """
  logits, updated = model.apply(
    {'params': params, 'batch_stats': batch_stats},
    batch.images, train=True, mutable=['batch_stats', sown],
    rngs={'dropout': key, NOISE: key},
  )  # fmt: skip
  total = cross_entropy(logits, batch.labels)
  for auxiliary in jax.tree.leaves(updated.get(AUXILIARY_LOGITS, {})):
    total += AUXILIARY_WEIGHT * cross_entropy(auxiliary, batch.labels)
  accuracy = jnp.mean(jnp.argmax(logits, axis=-1) == batch.labels)
  return total, (accuracy, updated)


def cross_entropy(
  logits: Float[Array, 'batch classes'], labels: Int[Array, ' batch']
) -> Float[Array, '']:
  """Its mean over a mini-batch, in nats."""
  return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))


def _no_norms():
  return {tag: jnp.zeros(()) for tag in NORMS}


def _averaged(averaged, params, config):
  """The Polyak average of the weights after a step."""
  if not config.get('polyak_decay', 0.0):
    return averaged
  return optax.incremental_update(params, averaged, 1 - config.polyak_decay)
