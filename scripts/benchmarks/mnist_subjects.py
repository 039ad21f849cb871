"""What `mnist.py` measures: section 4.1's step, trained in different ways.

A subject is `build(config, examples, options) -> run`; `run(steps)` takes a
range of steps, a multiple of `steps_per_call` of them, waits until they are done and
returns the loss of the last. All see the same examples in the same order.
"""

import functools
from argparse import Namespace
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from ml_collections import ConfigDict

from bn_repro.data import sampler
from bn_repro.data.feeds import Feeds
from bn_repro.data.pixels import PixelFeed, Pixels
from bn_repro.data.sources import Examples
from bn_repro.training import parallel
from bn_repro.training.experiment import Experiment, with_feeds
from bn_repro.training.step import initial_state, make_step

NUM_CLASSES = 10
# Rivals get their order ready-made, one epoch of it over and over.
ORDER_STEPS = 1_000

Run = Callable[[range], float | None]


def order(config: ConfigDict, examples: Examples) -> np.ndarray:
  """`[ORDER_STEPS, batch]` int32, the examples of the first steps."""
  return sampler.example_indices(
    config.seed, range(ORDER_STEPS), config.batch_size, len(examples.labels)
  )


def ours(config: ConfigDict, examples: Examples, options: Namespace) -> Run:
  """`bn_repro.training.loop.train` without its evaluation, files and progress bar."""
  experiment = experiment_of(config, examples)
  feed = experiment.feeds.train
  take_steps = parallel.spread(make_step(experiment), experiment.devices)
  on_devices = parallel.replicate(feed.examples, experiment.devices)
  state = initial_state(experiment)
  is_last = np.arange(config.steps_per_call) == config.steps_per_call - 1

  def run(steps):
    nonlocal state
    for start in range(steps.start, steps.stop, config.steps_per_call):
      inputs = feed.inputs(range(start, start + config.steps_per_call))
      state, metrics = take_steps(state, on_devices, inputs, is_last)
      metrics = jax.device_get(metrics)
      _ = {tag: float(np.mean(value)) for tag, value in metrics.items()}
      jax.device_get(state)
    return float(metrics['train/loss'][-1])

  return run


def side_by_side(config: ConfigDict, examples: Examples, options: Namespace) -> Run:
  """A sweep as one program: a seed and a learning rate for each run.

  The order is ready-made here: the sampler's cache holds fewer epochs than there
  are runs.
  """
  experiment = experiment_of(config, examples)
  seeds = np.arange(options.side_by_side)
  orders = [order(_with(config, seed=int(seed)), examples) for seed in seeds]
  orders = np.stack(orders, axis=1)
  initial = lambda seed: initial_state(_with_fields(experiment, seed=seed))
  states = jax.jit(jax.vmap(initial))(seeds)
  step = _step_of_all(experiment, jnp.geomspace(0.01, 1.0, len(seeds)))
  take_steps = parallel.spread(step, experiment.devices)
  on_device = jax.device_put(examples)
  is_last = np.arange(config.steps_per_call) == config.steps_per_call - 1

  def run(steps):
    nonlocal states
    for start in range(steps.start, steps.stop, config.steps_per_call):
      indices = orders[np.arange(start, start + config.steps_per_call) % ORDER_STEPS]
      inputs = Pixels(indices, np.ones_like(indices, bool))
      states, metrics = take_steps(states, on_device, inputs, is_last)
      losses = np.asarray(metrics['train/loss'])
    return float(losses[-1, len(seeds) // 2])

  return run


def experiment_of(config: ConfigDict, examples: Examples) -> Experiment:
  """What `experiment.build` builds, for examples that are there already."""
  devices = parallel.choose_devices(config.num_devices, config.batch_size)
  feed = PixelFeed(examples, config, devices)
  feeds = Feeds(feed, feed, NUM_CLASSES, examples.images.shape[1:])
  return with_feeds(config, devices, feeds)


def _step_of_all(experiment, rates):
  """The project's own step under `jax.vmap`, each run at its learning rate."""

  def step_of_one(state, examples, inputs, is_last, rate):
    step = make_step(_with_fields(experiment, learning_rate=rate))
    return step(state, examples, inputs, is_last)

  of_all = jax.vmap(step_of_one, in_axes=(0, None, 0, None, 0))
  return lambda *arguments: of_all(*arguments, rates)


def _with_fields(experiment: Experiment, **fields) -> Experiment:
  """The experiment with another config; devices, data and network stay."""
  return experiment._replace(config=_with(experiment.config, **fields))


def _with(config: ConfigDict, **fields) -> ConfigDict:
  """A copy with some fields replaced, by traced values too."""
  copy = config.copy_and_resolve_references()
  with copy.ignore_type():
    copy.update(fields)
  return copy


class FlaxMLP(nn.Module):
  """The same network with Flax's own batch normalization, as a user writes it."""

  hidden_sizes: tuple[int, ...]
  init_std: float
  batch_norm: Callable[[], nn.Module] | None

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Logits `[batch, 10]` of `[batch, pixels]`."""
    weights = nn.initializers.normal(self.init_std)
    for i, size in enumerate(self.hidden_sizes, start=1):
      use_bias = self.batch_norm is None
      x = nn.Dense(size, use_bias, kernel_init=weights, name=f'hidden_{i}')(x)
      if self.batch_norm is not None:
        x = self.batch_norm()(x)
      x = nn.sigmoid(x)
    return nn.Dense(NUM_CLASSES, kernel_init=weights, name='logits')(x)


def flax_loop(config: ConfigDict, examples: Examples, options: Namespace) -> Run:
  """A jitted step with donated state, one dispatch a step; computes no metrics.

  Data, order and step counter live on the device: a dispatch carries nothing.
  """
  images = jnp.asarray(examples.images.reshape(len(examples.images), -1))
  data = (images, jnp.asarray(examples.labels), jnp.asarray(order(config, examples)))
  model, optimizer = _flax_model(config), optax.sgd(config.learning_rate)
  variables = model.init(jax.random.key(config.seed), jnp.zeros((1, images.shape[1])))
  params, batch_stats = variables['params'], variables.get('batch_stats', {})
  state = jnp.int32(0), params, batch_stats, optimizer.init(params)
  step = _flax_step(model, optimizer, config.dataset.threshold)

  def run(steps):
    nonlocal state
    for _ in steps:
      state, loss = step(state, data)
    jax.block_until_ready(state)
    return float(loss)

  return run


def _flax_model(config: ConfigDict) -> FlaxMLP:
  settings = config.model
  batch_norm = functools.partial(
    nn.BatchNorm, use_running_average=False,
    momentum=settings.decay, epsilon=settings.epsilon,
  )  # fmt: skip
  return FlaxMLP(
    tuple(settings.hidden_sizes), settings.init_std,
    batch_norm if settings.batch_norm else None,
  )  # fmt: skip


def _flax_step(model: FlaxMLP, optimizer, threshold: float):
  def loss_of(params, batch_stats, x, labels):
    logits, updated = model.apply(
      {'params': params, 'batch_stats': batch_stats}, x, mutable=['batch_stats']
    )
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    return jnp.mean(losses), updated.get('batch_stats', {})

  @functools.partial(jax.jit, donate_argnums=0)
  def step(state, data):
    number, params, batch_stats, optimizer_state = state
    images, labels, orders = data
    chosen = orders[number % ORDER_STEPS]
    x = (images[chosen] / 255 > threshold).astype(jnp.float32)
    (loss, batch_stats), gradient = jax.value_and_grad(loss_of, has_aux=True)(
      params, batch_stats, x, labels[chosen]
    )
    update, optimizer_state = optimizer.update(gradient, optimizer_state)
    params = optax.apply_updates(params, update)
    return (number + 1, params, batch_stats, optimizer_state), loss

  return step


def floor(config: ConfigDict, examples: Examples, options: Namespace) -> Run:
  """The step's matrix products alone, `steps_per_call` steps of them in one program.

  Eleven: four forward, four for the weights' gradients, three for the inputs'
  (the first layer needs none). One pixel of the next step is made from this
  step's products, so that no step can be hoisted or left out; all else is free.
  """
  sizes = (examples.images[0].size, *config.model.hidden_sizes, NUM_CLASSES)
  weights = [
    config.model.init_std * jax.random.normal(jax.random.key(i), sizes[i : i + 2])
    for i in range(len(sizes) - 1)
  ]
  pixels = jax.random.bernoulli(jax.random.key(0), 0.2, (config.batch_size, sizes[0]))
  carry = pixels.astype(jnp.float32), weights
  take_steps = jax.jit(
    lambda carry, weights: lax.scan(
      lambda c, _: (_products(c[0], weights), None), carry, None, config.steps_per_call
    )[0]
  )

  def run(steps):
    nonlocal carry
    for _ in range(0, len(steps), config.steps_per_call):
      carry = take_steps(carry, weights)
    jax.block_until_ready(carry)

  return run


def _products(x, weights):
  inputs = [x]
  for weight in weights:
    inputs.append(inputs[-1] @ weight)
  cotangent = inputs.pop()
  gradients = []
  for weight, of_layer in zip(reversed(weights), reversed(inputs)):
    gradients.append(of_layer.T @ cotangent)
    if of_layer is not x:
      cotangent = cotangent @ weight.T
  of_all = sum(gradient[0, 0] for gradient in gradients)
  return x.at[0, 0].set(nn.sigmoid(of_all)), gradients[::-1]
