"""Section 4.1's step as a user of Flax writes it, for `mnist.py`."""

import functools
from argparse import Namespace
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict
from subjects.mnist_ours import device
from subjects.mnist_task import NUM_CLASSES, ORDER_STEPS, Run, order

from bn_repro.data.sources import Examples

__all__ = ['device', 'flax_loop']


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
