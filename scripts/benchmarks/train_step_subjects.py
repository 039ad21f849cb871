"""What `train_step.py` measures in JAX: one training step of figure 5's network.

A subject is `build(config, examples, task) -> Step`. All take the same images in
the same order from the same initial weights, by the project's own step: they differ
in the layer that normalizes, or in what is done to the images. Does not know how
often a subject is started, nor what its numbers are compared with.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from bn_repro.data.feed import Batch
from bn_repro.data.feeds import Feeds
from bn_repro.data.pixels import PixelFeed
from bn_repro.data.resident import ResidentImages
from bn_repro.data.sources import Examples
from bn_repro.models import networks
from bn_repro.models.describe import rows_of
from bn_repro.run import durations, provenance
from bn_repro.training import parallel
from bn_repro.training.experiment import Experiment, with_feeds
from bn_repro.training.step import initial_state, make_step
from configs import bn_x5

NUM_IMAGES = 512
# What epochs are counted by: the learning rate does not fall while we measure.
TRAINING_IMAGES = 1_281_167
# Examples that the configs normalize together.
GROUP = 32


class Task(NamedTuple):
  """What one process measures; JSON.

  Attributes:
    subject: its name.
    backend: 'cpu' or 'gpu', where it is to run.
    dataset: the argument of configs/bn_x5.py.
    overrides: of that config, by dotted field.
    seconds: measured after the warm-up, about.
    threads, channels_last, compile_mode: for PyTorch alone.
  """

  subject: str
  backend: str
  dataset: str
  overrides: dict
  seconds: float
  threads: int | None = None
  channels_last: bool | None = None
  compile_mode: str | None = None


def config_of(task: Task) -> ConfigDict:
  """configs/bn_x5.py, but the whole mini-batch is normalized at once, as elsewhere."""
  config = bn_x5.get_config(task.dataset)
  config.model.normalization_group = 0
  config.update_from_flattened_dict(task.overrides)
  return config


def noise(config: ConfigDict) -> Examples:
  """`[NUM_IMAGES, size, size, 3]` uint8 and labels, always the same."""
  random, size = np.random.default_rng(0), config.dataset.size
  images = random.integers(0, 256, (NUM_IMAGES, size, size, 3), np.uint8)
  labels = random.integers(0, config.dataset.num_classes, NUM_IMAGES, np.int32)
  return Examples(images, labels)


def operations(config: ConfigDict) -> int:
  """Floating-point operations to train on one image, of convolutions and logits.

  A multiply-add is two, and the backward pass takes twice what the forward pass
  takes: 6 times `describe`'s multiply-adds. Nothing else is counted, so that the
  number is the same for every subject, whatever its compiler makes of the step.
  """
  model = networks.build(config, config.dataset.num_classes)
  size = config.dataset.size
  return 6 * sum(row.multiply_adds for row in rows_of(model, (size, size, 3)))


class WholeImages(PixelFeed):
  """Images on the device, neither cropped nor distorted: a `Feed`."""

  def batch(self, examples: Examples, inputs, stream: int | None) -> Batch:
    """As `Feed`; images are `[batch, size, size, 3]` from -1 to 1."""
    images = examples.images[inputs.indices].astype(jnp.float32)
    return Batch(2 * (images / 255) - 1, examples.labels[inputs.indices], inputs.counts)


class FlaxBatchNorm(nn.BatchNorm):
  """flax.linen.BatchNorm, called as our `Convolution` calls its BN layer."""

  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    """y like x, `[batch, height, width, features]`."""
    return super().__call__(x, use_running_average=not train)


class Step:
  """The project's compiled step and the state that it goes on from.

  Attributes:
    device: what it runs on.
    parameters: how many are trained.
  """

  def __init__(self, experiment: Experiment):
    self._feed = experiment.feeds.train
    self._log_every = experiment.lengths.log_every
    self._take = parallel.spread(make_step(experiment), experiment.devices)
    self._examples = parallel.replicate(self._feed.examples, experiment.devices)
    self._state = initial_state(experiment)
    self.device = provenance.device(experiment.devices)
    self.parameters = sum(leaf.size for leaf in jax.tree.leaves(self._state.params))

  def run(self, steps: range) -> float:
    """Takes some consecutive steps; the loss of the last one, before its update."""
    metrics = None
    for step in steps:
      before = metrics
      self._state, metrics = self._take(*self._arguments(step))
      # As in training: no more than two steps under way.
      jax.block_until_ready(before)
    jax.block_until_ready(self._state)
    return float(metrics['train/loss'][0])

  def temporary_bytes(self) -> int:
    """Working memory of the program beyond its inputs and outputs."""
    # Compiled already; JAX finds it again by what it was compiled for.
    program = self._take.lower(*self._arguments(0)).compile()
    return program.memory_analysis().temp_size_in_bytes

  def _arguments(self, step: int) -> tuple:
    inputs = self._feed.inputs(range(step, step + 1))
    # Norms are taken where training would record them, and nowhere else.
    is_last = np.array([(step + 1) % self._log_every == 0])
    return self._state, self._examples, inputs, is_last


def ours(config: ConfigDict, examples: Examples, task: Task) -> Step:
  """The step as the project takes it, on images as they are."""
  return Step(experiment_of(config, examples))


def ours_distorted(config: ConfigDict, examples: Examples, task: Task) -> Step:
  """With random crops of the images, mirrored and distorted as the config says."""
  return Step(experiment_of(config, examples, feed=ResidentImages))


def ours_in_groups(config: ConfigDict, examples: Examples, task: Task) -> Step:
  """With groups of `GROUP` examples normalized together, as the config says."""
  config.model.normalization_group = GROUP
  return Step(experiment_of(config, examples))


def flax(config: ConfigDict, examples: Examples, task: Task, fast=True) -> Step:
  """With Flax's normalization as it comes: E[x^2] - E[x]^2."""
  batch_norm = functools.partial(
    FlaxBatchNorm, momentum=config.model.decay, epsilon=config.model.epsilon,
    dtype=jnp.dtype(config.model.dtype), use_fast_variance=fast,
  )  # fmt: skip
  return Step(experiment_of(config, examples, batch_norm))


def flax_exact(config: ConfigDict, examples: Examples, task: Task) -> Step:
  """With Flax's normalization in two passes."""
  return flax(config, examples, task, fast=False)


def without_bn(config: ConfigDict, examples: Examples, task: Task) -> Step:
  """A bias in place of each normalization."""
  config.model.batch_norm = False
  return Step(experiment_of(config, examples))


def experiment_of(
  config: ConfigDict, examples: Examples, batch_norm=None, feed=WholeImages
) -> Experiment:
  """What `experiment.build` builds, on one device and for images that are there.

  Args:
    config: of `config_of`.
    examples: of `noise`.
    batch_norm: makes another BN layer than the project's.
    feed: what makes the network's inputs of the examples.
  """
  devices, size = jax.devices()[:1], config.dataset.size
  fed = feed(examples, config, devices)
  feeds = Feeds(fed, fed, config.dataset.num_classes, (size, size, 3))
  built = with_feeds(config, devices, feeds)
  built = built._replace(lengths=durations.lengths(config, TRAINING_IMAGES))
  if batch_norm is None:
    return built
  return built._replace(model=built.model.clone(batch_norm=batch_norm))


def matrix_products(size: int, dtype: str, backend: str) -> Callable[[range], None]:
  """Products of two `[size, size]` matrices, so many at a time."""
  left, right = jax.random.normal(jax.random.key(0), (2, size, size), dtype)
  multiply = jax.jit(jnp.matmul)

  def run(numbers):
    products = [multiply(left, right) for _ in numbers]
    jax.block_until_ready(products)

  return run
