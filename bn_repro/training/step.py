"""One step of training: gradient, update, and what is measured on the way.

Does not know where a batch comes from, nor how devices share the work.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from bn_repro.data import sampler
from bn_repro.data.feed import Batch
from bn_repro.models import networks
from bn_repro.models.inception import AUXILIARY_LOGITS
from bn_repro.models.mlp import NOISE, SIGMOID_INPUTS, sigmoid_inputs
from bn_repro.training import parallel
from bn_repro.training.experiment import Experiment
from bn_repro.training.hyperparameters import Hyperparameters
from bn_repro.training.optimizer import build as make_optimizer

NORMS = ('train/gradient_norm', 'train/update_norm')
AUXILIARY_WEIGHT = 0.3  # of each auxiliary head's loss (GoogLeNet)


@flax.struct.dataclass
class TrainState:
  """What a step changes, arrays only; `averaged` is the Polyak average, or nothing."""

  step: jax.Array
  params: Any
  batch_stats: Any
  optimizer_state: Any
  averaged: Any


def initial_state(experiment: Experiment) -> TrainState:
  """The state at step 0."""
  config, hyperparameters = experiment.config, experiment.hyperparameters
  shape = experiment.feeds.image_shape
  variables = networks.initial_variables(experiment.model, hyperparameters.seed, shape)
  params = variables['params']
  optimizer = make_optimizer(config, 0.0, hyperparameters.l2)
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    params=params,
    batch_stats=variables.get('batch_stats', {}),
    optimizer_state=jax.jit(optimizer.init)(params),  # or each shape compiles zeros
    averaged=jax.tree.map(jnp.copy, params) if config.get('polyak_decay') else {},
  )


class OnDevices(NamedTuple):
  """What stays on the devices during a run: the feed's examples, and scalars."""

  examples: Any
  hyperparameters: Hyperparameters


class OfStep(NamedTuple):
  """What differs from step to step: scalars of one, `[steps]` of many."""

  learning_rate: Float[ArrayLike, '*steps']
  is_last: Bool[ArrayLike, '*steps']


class Steps:
  """The steps of an experiment on its devices, many compiled as one program."""

  def __init__(self, experiment: Experiment):
    self._learning_rates = experiment.learning_rates
    self._take = parallel.spread(make_step(experiment), experiment.devices)
    stays = OnDevices(experiment.feeds.train.examples, experiment.hyperparameters)
    self.on_devices = parallel.replicate(stays, experiment.devices)

  def __call__(
    self, state: TrainState, steps: range, inputs: Any, last: int | None = None
  ) -> tuple[TrainState, dict[str, jax.Array]]:
    """Takes consecutive steps and consumes the state; returns the next, and metrics.

    `inputs` are the feed's, of these steps; norms are measured at the step `last` only.
    Metrics are `[steps]` by tag.
    """
    return self._take(*self._arguments(state, steps, inputs, last))

  def _arguments(self, state, steps, inputs, last=None) -> tuple:
    numbers = np.arange(steps.start, steps.stop)
    rates = self._learning_rates(numbers).astype(np.float32)
    of_steps = OfStep(rates, numbers == last)
    return state, self.on_devices, inputs, of_steps

  def temporary_bytes(self, *arguments: Any) -> int:
    """Working memory of the program, beyond its inputs and outputs.

    For arguments as of the call; once compiled, JAX finds the program again.
    """
    program = self._take.lower(*self._arguments(*arguments)).compile()
    return program.memory_analysis().temp_size_in_bytes


def make_step(experiment: Experiment) -> Callable:
  """One step of training: (state, `OnDevices`, inputs, `OfStep`) -> state, metrics.

  Metrics are scalars: loss and accuracy of the mini-batch before the step, and
  the global norms of the gradient and of the update. The norms, a quarter of the
  time of a small step, are taken where `is_last` holds and 0 elsewhere.
  """
  config, feed = experiment.config, experiment.feeds.train
  axis = parallel.axis_name(experiment.devices)

  def step(state, on_devices, inputs, of_step):
    examples, hyperparameters = on_devices
    model = with_dropout(experiment.model, hyperparameters)
    optimizer = make_optimizer(config, of_step.learning_rate, hyperparameters.l2)
    batch = feed.batch(examples, inputs, hyperparameters.distortion(sampler.TRAINING))
    key = hyperparameters.noise_key(state.step, axis)
    differentiate = _accumulated(model, experiment.parts)
    of_device = differentiate(state.params, state.batch_stats, batch, key)
    gradient, batch_stats, loss, accuracy = parallel.mean(of_device, axis)
    arguments = gradient, state.optimizer_state, state.params
    norms = jax.lax.cond(
      # The update is computed again: if it shared the one below, XLA would keep that in
      # memory at every step.
      of_step.is_last,
      lambda: _norms(gradient, optimizer.update(*arguments)[0]),
      lambda: {tag: jnp.zeros(()) for tag in NORMS},
    )
    update, optimizer_state = optimizer.update(*arguments)
    params = optax.apply_updates(state.params, update)
    metrics = {'train/loss': loss, 'train/accuracy': accuracy} | norms
    averaged = _averaged(state.averaged, params, config)
    return (
      TrainState(state.step + 1, params, batch_stats, optimizer_state, averaged),
      metrics,
    )

  return step


def with_dropout(model: nn.Module, hyperparameters: Hyperparameters) -> nn.Module:
  """The network with the dropout of a run, which may be traced."""
  if hyperparameters.dropout is None:
    return model
  return model.clone(dropout=hyperparameters.dropout)


def _norms(*trees):
  return dict(zip(NORMS, map(optax.tree.norm, trees), strict=True))


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


def loss_and_sigmoid_inputs(
  params: Any,
  batch_stats: Any,
  model: nn.Module,
  batch: Batch,
  key: jax.Array,
  parts: int,
) -> tuple[jax.Array, list[Float[Array, 'batch units']]]:
  """The `loss` of section 4.1's network and the inputs of its sigmoids, layer by layer.

  The mini-batch is taken in `parts`, as in training on one device. The rows of the
  inputs are in the order of `in_parts`: the examples of part 0, of part 1, ...
  """

  def of_part(batch, key):
    value, (_, sown) = loss(params, batch_stats, model, batch, key, SIGMOID_INPUTS)
    return value, sigmoid_inputs(sown)

  if parts == 1:
    return of_part(batch, key)
  each = in_parts(batch, parts), jax.random.split(key, parts)
  values, inputs = jax.lax.map(lambda part: of_part(*part), each)
  return jnp.mean(values), [x.reshape(-1, x.shape[-1]) for x in inputs]


def cross_entropy(
  logits: Float[Array, 'batch classes'], labels: Int[Array, ' batch']
) -> Float[Array, '']:
  """Its mean over a mini-batch, in nats."""
  return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))


def _averaged(averaged, params, config):
  if not config.get('polyak_decay', 0.0):
    return averaged
  return optax.incremental_update(params, averaged, 1 - config.polyak_decay)
