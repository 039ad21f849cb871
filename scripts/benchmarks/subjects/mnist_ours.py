"""Our forms of section 4.1's step, for `mnist.py`: one run, and several at once."""

from argparse import Namespace

import jax
import numpy as np
from ml_collections import ConfigDict
from subjects.mnist_task import NUM_CLASSES, ORDER_STEPS, Run, order

from bn_repro.data.pixels import PixelFeed, Pixels
from bn_repro.data.sources import Examples
from bn_repro.run import provenance
from bn_repro.training import parallel
from bn_repro.training.experiment import with_examples
from bn_repro.training.step import OfStep, OnDevices, Steps, initial_state, make_step


def device() -> str:
  """What a subject in JAX runs on."""
  return provenance.device(jax.devices()[:1])


def ours(config: ConfigDict, examples: Examples, options: Namespace) -> Run:
  """`bn_repro.training.loop.train` without its evaluation, files and progress bar."""
  experiment = with_examples(config, examples, NUM_CLASSES, PixelFeed)
  feed = experiment.feeds.train
  take, state = Steps(experiment), initial_state(experiment)

  def run(steps):
    nonlocal state
    for start in range(steps.start, steps.stop, config.steps_per_call):
      part = range(start, start + config.steps_per_call)
      state, metrics = take(state, part, feed.inputs(part), last=part[-1])
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
  orders = []
  for seed in seeds:
    config.seed = int(seed)
    orders.append(order(config, examples))
  orders = np.stack(orders, axis=1)
  with_seed = lambda seed: experiment.hyperparameters._replace(seed=seed)
  initial = lambda seed: initial_state(
    experiment._replace(hyperparameters=with_seed(seed))
  )
  states = jax.jit(jax.vmap(initial))(seeds)
  axes = (0, OnDevices(None, with_seed(0)), 0, OfStep(0, None))
  step = jax.vmap(make_step(experiment), in_axes=axes)
  take_steps = parallel.spread(step, experiment.devices)
  on_device = jax.device_put(OnDevices(examples, with_seed(seeds)))
  is_last = np.arange(config.steps_per_call) == config.steps_per_call - 1
  rates = np.geomspace(0.01, 1.0, len(seeds), dtype=np.float32)
  of_steps = OfStep(np.tile(rates, (len(is_last), 1)), is_last)

  def run(steps):
    nonlocal states
    for start in range(steps.start, steps.stop, config.steps_per_call):
      indices = orders[np.arange(start, start + config.steps_per_call) % ORDER_STEPS]
      inputs = Pixels(indices, np.ones_like(indices, bool))
      states, metrics = take_steps(states, on_device, inputs, of_steps)
      losses = np.asarray(metrics['train/loss'])
    return float(losses[-1, len(seeds) // 2])

  return run
