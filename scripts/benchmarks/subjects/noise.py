"""Experiments on noise that lies in memory, and their compiled step."""

import jax
import numpy as np
from ml_collections import ConfigDict

from bn_repro.data.sources import Examples
from bn_repro.run import provenance
from bn_repro.training.experiment import Experiment
from bn_repro.training.step import Steps, initial_state


def images(config: ConfigDict, number: int = 512) -> Examples:
  """`[number, size, size, 3]` and labels, of a config of figure 5's network."""
  size = config.dataset.size
  return examples((number, size, size, 3), config.dataset.num_classes)


def examples(shape: tuple[int, ...], num_classes: int) -> Examples:
  """Images of that shape, uint8, and labels, always the same."""
  random = np.random.default_rng(0)
  pixels = random.integers(0, 256, shape, np.uint8)
  return Examples(pixels, random.integers(0, num_classes, shape[0], np.int32))


class Step:
  """The project's compiled step and its state; counts the trained `parameters`."""

  def __init__(self, experiment: Experiment):
    self._feed = experiment.feeds.train
    self._log_every = experiment.lengths.log_every
    self._take = Steps(experiment)
    self._state = initial_state(experiment)
    self.device = provenance.device(experiment.devices)
    self.parameters = sum(leaf.size for leaf in jax.tree.leaves(self._state.params))

  def run(self, steps: range) -> float:
    """Takes consecutive steps; returns the loss of the last one, before its update."""
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
    return self._take.temporary_bytes(*self._arguments(0))

  def _arguments(self, step: int) -> tuple:
    steps = range(step, step + 1)
    # Norms are taken where training would record them, and nowhere else.
    last = step if (step + 1) % self._log_every == 0 else None
    return self._state, steps, self._feed.inputs(steps), last
