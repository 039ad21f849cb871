"""Section 4.1: how far one step moves what a layer is given, and what it should learn.

Two measures of internal covariate shift, "the change in the distributions of internal
nodes of a deep network, in the course of training": the distance of the distributions
of a layer's sigmoid inputs on a mini-batch before and after the step that it takes, and
that of Santurkar et al. (2018, definition 2.1): how the gradient of a layer changes
when only the layers before it are updated.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from bn_repro.training.experiment import Experiment
from bn_repro.training.probes.next_step import NextStep, Step
from bn_repro.training.step import TrainState


class CovariateShift:
  """A probe of the network of section 4.1, on the mini-batch of the next step."""

  def __init__(self, experiment: Experiment):
    self._measure = NextStep(experiment, _of_each_layer)

  def __call__(self, state: TrainState, population: Any) -> dict[str, float]:
    """Both measures for each hidden layer.

    Args:
      state: of training, host arrays.
      population: not used: training normalizes with the mini-batch.

    Returns:
      'covariate_shift/layer_i/inputs': the mean distance of a unit's inputs (1-
      Wasserstein) in standard deviations; '.../gradient': of the layer's gradient,
      relative to its norm; '.../cosine': between the gradients.
    """
    return {
      f'covariate_shift/layer_{i}/{name}': float(value)
      for i, of_layer in enumerate(self._measure(state), start=1)
      for name, value in of_layer.items()
    }


def _of_each_layer(step: Step) -> list[dict[str, jax.Array]]:
  """Of the first hidden layer first."""
  params = optax.apply_updates(step.params, step.update)
  (_, before), gradient = step.differentiate(step.params)
  (_, after), _ = step.differentiate(params, is_next=True)
  found = []
  for i in range(1, len(before) + 1):
    layer = {f'hidden_{i}', f'batch_norm_{i}'} & params.keys()
    ahead = {n: params[n] if _is_before(n, i) else step.params[n] for n in params}
    _, moved = step.differentiate(ahead)
    own = [_flat({n: tree[n] for n in layer}) for tree in (gradient, moved)]
    found.append(_distances(before[i - 1], after[i - 1], *own))
  return found


def _is_before(name: str, layer: int) -> bool:
  """Whether a part of the network comes before that hidden layer."""
  number = name.rpartition('_')[2]
  return number.isdecimal() and int(number) < layer


def _flat(tree: Any) -> jax.Array:
  return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def _distances(before, after, gradient, moved) -> dict[str, jax.Array]:
  norms = jnp.linalg.norm(gradient), jnp.linalg.norm(moved)
  return {
    'inputs': wasserstein(before, after),
    'gradient': jnp.linalg.norm(moved - gradient) / norms[0],
    'cosine': jnp.vdot(gradient, moved) / (norms[0] * norms[1]),
  }


def wasserstein(before: jax.Array, after: jax.Array) -> jax.Array:
  """The mean over units of the 1-Wasserstein distance of their values.

  Args:
    before, after: `[examples, units]`, of the same examples.

  Returns:
    A scalar, in standard deviations of `before`, each unit's own.
  """
  apart = jnp.abs(jnp.sort(before, axis=0) - jnp.sort(after, axis=0))
  return jnp.mean(jnp.mean(apart, axis=0) / jnp.std(before, axis=0))
