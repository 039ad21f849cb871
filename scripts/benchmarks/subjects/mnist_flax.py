"""Section 4.1's step as a user of Flax writes it, for `mnist.py`."""

import functools
from argparse import Namespace

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax.training.train_state import TrainState
from ml_collections import ConfigDict
from subjects.mnist_ours import device
from subjects.mnist_task import NUM_CLASSES, ORDER_STEPS, Run, order

from bn_repro.data.sources import Examples

__all__ = ['device', 'flax_loop']


class FlaxMLP(nn.Module):
  """The network of `config.model`, with Flax's own batch normalization."""

  settings: ConfigDict

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Logits `[batch, 10]` of `[batch, pixels]`."""
    model = self.settings
    weights = nn.initializers.normal(model.init_std)
    for i, size in enumerate(model.hidden_sizes, start=1):
      has_bias = not model.batch_norm
      x = nn.Dense(size, has_bias, kernel_init=weights, name=f'hidden_{i}')(x)
      if model.batch_norm:
        x = nn.BatchNorm(False, momentum=model.decay, epsilon=model.epsilon)(x)
      x = nn.sigmoid(x)
    return nn.Dense(NUM_CLASSES, kernel_init=weights, name='logits')(x)


class State(TrainState):
  batch_stats: dict


def flax_loop(config: ConfigDict, examples: Examples, options: Namespace) -> Run:
  """A jitted step with donated state, one dispatch a step; computes no metrics.

  Data, order and step counter live on the device: a dispatch carries nothing.
  """
  images = jnp.asarray(examples.images.reshape(len(examples.images), -1))
  data = (images, jnp.asarray(examples.labels), jnp.asarray(order(config, examples)))
  model = FlaxMLP(config.model)
  variables = model.init(jax.random.key(config.seed), jnp.zeros((1, images.shape[1])))
  state = State.create(
    apply_fn=model.apply, tx=optax.sgd(config.learning_rate),
    params=variables['params'], batch_stats=variables.get('batch_stats', {}),
  )  # fmt: skip
  step = _step(config.dataset.threshold)

  def run(steps):
    nonlocal state
    for _ in steps:
      state, loss = step(state, data)
    jax.block_until_ready(state)
    return float(loss)

  return run


def _step(threshold: float):
  @functools.partial(jax.jit, donate_argnums=0)
  def step(state, data):
    images, labels, orders = data
    chosen = orders[state.step % ORDER_STEPS]
    x = (images[chosen] / 255 > threshold).astype(jnp.float32)

    def loss_of(params):
      variables = {'params': params, 'batch_stats': state.batch_stats}
      logits, updated = state.apply_fn(variables, x, mutable=['batch_stats'])
      losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels[chosen])
      return jnp.mean(losses), updated.get('batch_stats', {})

    gradient_of = jax.value_and_grad(loss_of, has_aux=True)
    (loss, batch_stats), gradient = gradient_of(state.params)
    return state.apply_gradients(grads=gradient, batch_stats=batch_stats), loss

  return step
