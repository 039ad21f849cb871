"""Section 4.1: how far one step moves the inputs of a layer, and its gradient.

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
from jaxtyping import Array, Float

from bn_repro.training.probes.next_step import Step


def measure(step: Step) -> dict[str, jax.Array]:
  """Both measures for each hidden layer.

  'covariate_shift/layer_i/inputs' is the mean distance of a unit's inputs (1-
  Wasserstein) in standard deviations; '.../gradient' that of the layer's gradient,
  relative to its norm; '.../cosine' the one between the gradients.
  """
  params = optax.apply_updates(step.params, step.update)
  (_, before), gradient = step.differentiate(step.params)
  (_, after), _ = step.differentiate(params, is_next=True)
  measured = {}
  for i in range(1, len(before) + 1):
    layer = {f'hidden_{i}', f'batch_norm_{i}'} & params.keys()
    ahead = {n: params[n] if _is_before(n, i) else step.params[n] for n in params}
    _, moved = step.differentiate(ahead)
    own = [_flat({n: tree[n] for n in layer}) for tree in (gradient, moved)]
    distances = _distances(before[i - 1], after[i - 1], *own)
    measured |= {f'covariate_shift/layer_{i}/{n}': d for n, d in distances.items()}
  return measured


def _is_before(name: str, layer: int) -> bool:
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


def wasserstein(
  before: Float[Array, 'examples units'], after: Float[Array, 'examples units']
) -> Float[Array, '']:
  """The mean over units of the 1-Wasserstein distance of their values.

  In standard deviations of `before`, each unit's own; NaN if one is constant.
  """
  distance = jnp.abs(jnp.sort(before, axis=0) - jnp.sort(after, axis=0))
  mean = jnp.mean(jnp.mean(distance, axis=0) / jnp.std(before, axis=0))
  # Of equal values `jnp.std` may give what its mean was rounded by.
  is_any_constant = jnp.any(jnp.ptp(before, axis=0) == 0)
  return jnp.where(is_any_constant, jnp.nan, mean)
