"""After Santurkar et al. (2018, figure 4): the loss and its gradient along the step.

The current parameters are moved by 0.5 to 4 times the next step. If loss and gradient
change little, long steps can be trusted. Santurkar et al. explain the effect of batch
normalization by such smaller changes, not by covariate shift.
"""

import jax
import jax.numpy as jnp
import optax

from bn_repro.training.probes.next_step import Step

MULTIPLES = (0.5, 1.0, 2.0, 4.0)


def measure(step: Step) -> dict[str, jax.Array]:
  """Four measures, over `MULTIPLES` of the step.

  'landscape/loss_range' is the largest loss less the smallest; '.../gradient_distance'
  and '.../gradient_change' the farthest that the gradient moves, and that relative to
  its norm; '.../smoothness' the most that it moves for the distance taken.
  """
  (loss, _), gradient = step.differentiate(step.params)
  losses, distances, slopes = [loss], [], []
  for multiple in MULTIPLES:
    way = jax.tree.map(lambda leaf, by=multiple: by * leaf, step.update)
    (loss, _), moved = step.differentiate(optax.apply_updates(step.params, way))
    losses.append(loss)
    distances.append(optax.tree.norm(optax.tree.sub(moved, gradient)))
    slopes.append(distances[-1] / optax.tree.norm(way))
  losses, distances, slopes = map(jnp.stack, (losses, distances, slopes))
  return {
    'landscape/loss_range': jnp.max(losses) - jnp.min(losses),
    'landscape/gradient_distance': jnp.max(distances),
    'landscape/gradient_change': jnp.max(distances) / optax.tree.norm(gradient),
    'landscape/smoothness': jnp.max(slopes),
  }
