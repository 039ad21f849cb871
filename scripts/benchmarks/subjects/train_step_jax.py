"""What `train_step.py` measures in JAX: one training step of figure 5's network.

A subject is `build(config, examples, task) -> Step`. All take the project's own step on
the same images in the same order from the same initial weights; they differ in the
layer that normalizes, or in what is done to the images.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict
from subjects.inception import experiment_of, with_flax
from subjects.noise import Step
from subjects.train_step_task import GROUP, Task

from bn_repro.data.distort import Distortion
from bn_repro.data.feed import Batch
from bn_repro.data.pixels import PixelFeed, Pixels
from bn_repro.data.sources import Examples


class WholeImages(PixelFeed):
  """Images on the device, neither cropped nor distorted: a `Feed`."""

  def batch(
    self, examples: Examples, inputs: Pixels, distortion: Distortion | None
  ) -> Batch:
    """As `Feed`; images are `[batch, size, size, 3]` from -1 to 1."""
    images = examples.images[inputs.indices].astype(jnp.float32)
    return Batch(2 * (images / 255) - 1, examples.labels[inputs.indices], inputs.counts)


def ours(config: ConfigDict, examples: Examples, task: Task) -> Step:
  """The step as the project takes it, on images as they are."""
  return Step(experiment_of(config, examples, WholeImages))


def ours_distorted(config: ConfigDict, examples: Examples, task: Task) -> Step:
  """With random crops of the images, mirrored and distorted as the config says."""
  return Step(experiment_of(config, examples))


def ours_in_groups(config: ConfigDict, examples: Examples, task: Task) -> Step:
  """With groups of `GROUP` examples normalized together, as the config says."""
  config.model.normalization_group = GROUP
  return ours(config, examples, task)


def flax(config: ConfigDict, examples: Examples, task: Task, fast=True) -> Step:
  """With Flax's normalization as it comes: E[x^2] - E[x]^2."""
  return Step(with_flax(experiment_of(config, examples, WholeImages), fast))


def flax_exact(config: ConfigDict, examples: Examples, task: Task) -> Step:
  """With Flax's normalization in two passes."""
  return flax(config, examples, task, fast=False)


def without_bn(config: ConfigDict, examples: Examples, task: Task) -> Step:
  """A bias in place of each normalization."""
  config.model.batch_norm = False
  return ours(config, examples, task)


def matrix_products(size: int, dtype: str, backend: str) -> Callable[[range], None]:
  """Products of two `[size, size]` matrices, as many as `range` is long."""
  left, right = jax.random.normal(jax.random.key(0), (2, size, size), dtype)
  multiply = jax.jit(jnp.matmul)

  def run(numbers):
    products = [multiply(left, right) for _ in numbers]
    jax.block_until_ready(products)

  return run
