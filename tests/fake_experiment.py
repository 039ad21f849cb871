"""Experiments on random images, small enough to take a step of each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bn_repro.data import sources
from bn_repro.models import inception, networks
from bn_repro.run import config as config_lib
from bn_repro.training.experiment import with_examples
from bn_repro.training.step import Steps, initial_state
from evaluate.saved import random_variables
from support import PROJECT

SMALL = {
  'batch_size': 8, 'model.width': 0.0625, 'model.normalization_group': 0,
  'num_devices': 1, 'evaluation_batch_size': 50, 'population_batches': 3,
}  # fmt: skip


def load(name, dataset='digits', **overrides):
  """A config such as 'ensemble:1,{}', on a data set."""
  network, _, argument = name.format(dataset).partition(':')
  location = f'{PROJECT / "configs" / network}.py:{argument or dataset}'
  return config_lib.load(location, overrides)


def small(name, **overrides):
  return load(name, **SMALL | overrides)


def experiment_of(config, model=None, num_examples=100):
  """An experiment on random images, the same for training and evaluation."""
  rng = np.random.default_rng(0)
  size, num_classes = config.dataset.size, config.dataset.num_classes
  examples = sources.Examples(
    rng.integers(0, 256, (num_examples, size, size, 3), np.uint8),
    rng.integers(0, num_classes, num_examples).astype(np.int32),
  )
  built = with_examples(config, examples, num_classes)
  return built if model is None else built._replace(model=model)


def take(experiment, steps):
  """The states after each of some steps, the first one before, and their metrics.

  Initial weights come from NumPy: to draw them in XLA is to compile for long.
  """
  run, feed = Steps(experiment), experiment.feeds.train
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(networks, 'initial_variables', _drawn)
    state = initial_state(experiment)
  states, metrics = [jax.device_get(state)], []
  for step in steps:
    steps_of_call = range(step, step + 1)
    state, measured = run(state, steps_of_call, feed.inputs(steps_of_call), last=step)
    states.append(jax.device_get(state))
    metrics.append({tag: float(value[0]) for tag, value in measured.items()})
  return states, metrics


def _drawn(model, seed, image_shape):
  return jax.tree.map(jnp.asarray, random_variables(model, image_shape, seed))


def only_rows(monkeypatch, *names):
  rows = tuple(row for row in inception.ROWS if row.name in names)
  monkeypatch.setattr(inception, 'ROWS', rows)
