"""What no step of section 4.1 can be faster than, for `mnist.py`."""

import functools
from argparse import Namespace
from itertools import pairwise

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from ml_collections import ConfigDict
from subjects.mnist_ours import device
from subjects.mnist_task import NUM_CLASSES, Run

from bn_repro.data.sources import Examples

__all__ = ['device', 'floor']


def floor(config: ConfigDict, examples: Examples, options: Namespace) -> Run:
  """The step's matrix products alone, `steps_per_call` steps of them in one program.

  Eleven: four forward, four for the weights' gradients, three for the inputs'
  (the first layer needs none). One pixel of the next step is made from this
  step's products, so that no step can be hoisted or left out; all else is free.
  """
  sizes = (examples.images[0].size, *config.model.hidden_sizes, NUM_CLASSES)
  weights = [
    config.model.init_std * jax.random.normal(jax.random.key(i), shape)
    for i, shape in enumerate(pairwise(sizes))
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
  logits, backward = jax.vjp(lambda w: functools.reduce(jnp.matmul, w, x), weights)
  (gradients,) = backward(logits)
  pixel = nn.sigmoid(sum(gradient[0, 0] for gradient in gradients))
  return x.at[0, 0].set(pixel), gradients
