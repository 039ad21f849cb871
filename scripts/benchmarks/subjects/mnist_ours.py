"""Our forms of section 4.1's step, for `mnist.py`: one run, and several at once."""

from argparse import Namespace

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict
from subjects.mnist_task import NUM_CLASSES, ORDER_STEPS, Run, order

from bn_repro.data.pixels import PixelFeed, Pixels
from bn_repro.data.sources import Examples
from bn_repro.run import provenance
from bn_repro.training import parallel
from bn_repro.training.experiment import Experiment, with_examples, with_feeds
from bn_repro.training.step import initial_state, make_step


def device() -> str:
  """What a subject in JAX runs on."""
  return provenance.device(jax.devices()[:1])


def ours(config: ConfigDict, examples: Examples, options: Namespace) -> Run:
  """`bn_repro.training.loop.train` without its evaluation, files and progress bar."""
  experiment = with_examples(config, examples, NUM_CLASSES, PixelFeed)
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

  The order is made beforehand: the sampler's cache holds fewer epochs than there are
  runs.
  """
  experiment = with_examples(config, examples, NUM_CLASSES, PixelFeed)
  seeds = np.arange(options.runs)
  orders = [order(_with(experiment, seed=int(n)).config, examples) for n in seeds]
  orders = np.stack(orders, axis=1)
  initial = lambda seed: initial_state(_with(experiment, seed=seed))
  states = jax.jit(jax.vmap(initial))(seeds)
  learning_rates = jnp.geomspace(0.01, 1.0, len(seeds))

  def step_of_one(state, examples, inputs, is_last, learning_rate):
    step = make_step(_with(experiment, learning_rate=learning_rate))
    return step(state, examples, inputs, is_last)

  step_of_all = jax.vmap(step_of_one, in_axes=(0, None, 0, None, 0))
  step = lambda *arguments: step_of_all(*arguments, learning_rates)
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


def _with(experiment: Experiment, **fields) -> Experiment:
  """The experiment on the same data with other values of fields, traced ones too."""
  config = experiment.config.copy_and_resolve_references()
  with config.ignore_type():
    config.update(fields)
  return with_feeds(config, experiment.devices, experiment.feeds)
