"""Section 2's example: a bias before a normalization that the gradient does not see.

x = a u + b is normalized over a mini-batch; a and b descend 1/2 mean((x_hat - 1)^2).
It is normalized by the mean alone or by the standard deviation, too, and the gradient
takes these as constants or goes through them. The paper: with constants "b will grow
indefinitely while the loss remains fixed", and with the scale the model "blows up".
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from bn_repro.batch_norm.alternatives import standardize

STEPS, LEARNING_RATE, EXAMPLES, EPSILON = 100, 0.1, 60, 1e-8
WAYS = {
  'mean, outside the gradient': (False, False),
  'mean, gradient through it': (False, True),
  'mean and scale, outside the gradient': (True, False),
  'mean and scale, gradient through both': (True, True),
}


def measure() -> dict[str, Any]:
  """Trains the example in all ways; `rows` has for each what `trained` returns."""
  rows = [{'way': name, **trained(inputs(), *way)} for name, way in WAYS.items()]
  return {
    'steps': STEPS, 'learning_rate': LEARNING_RATE, 'examples': EXAMPLES, 'rows': rows
  }  # fmt: skip


def inputs(seed: int = 0) -> Float[jax.Array, 'm 1']:
  """u of a mini-batch of `EXAMPLES`, standard normal, float32."""
  u = np.random.default_rng(seed).normal(size=(EXAMPLES, 1))
  return jnp.asarray(u.astype(np.float32))


def trained(
  u: Float[jax.Array, 'm 1'], is_scaled: bool, is_differentiated: bool
) -> dict[str, list]:
  """The `bias`, `scale` and `loss` before each of `STEPS` steps and after the last.

  Args:
    is_scaled: whether to divide by the standard deviation, too.
    is_differentiated: whether the gradient goes through the statistics.
  """
  epsilon = EPSILON if is_scaled else None

  def loss_of(params):
    x = params['scale'] * u + params['bias']
    x_hat, _ = standardize(x, epsilon, is_differentiated)
    return jnp.mean(jnp.square(x_hat - 1)) / 2

  look = jax.jit(jax.value_and_grad(loss_of))
  # Without the division by the standard deviation, a is no part of the example.
  learned = ('bias', 'scale') if is_scaled else ('bias',)
  params = {'bias': jnp.zeros(()), 'scale': jnp.ones(())}
  course = {'bias': [], 'scale': [], 'loss': []}
  for _ in range(STEPS + 1):
    loss, gradient = look(params)
    for name, value in {**params, 'loss': loss}.items():
      course[name].append(float(value))
    params |= {name: params[name] - LEARNING_RATE * gradient[name] for name in learned}
  return course
