"""What one might put in the place of batch normalization: section 2, and a later doubt.

Section 2 tells of normalization that the gradient does not see, and of full whitening;
both were given up for algorithm 1, and are here to show why. `shaken` is the noise with
which Santurkar et al. (2018) put covariate shift back. Does not know which network
takes them.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from bn_repro.batch_norm.transform import Moments, moments, normalize, unbiased_variance


def standardize(
  x: jax.Array, epsilon: float | None, is_differentiated: bool
) -> tuple[jax.Array, Moments]:
  """Norm(x, X) of section 2 over a mini-batch, with its derivative by X or without.

  Args:
    x: `[m, features]`.
    epsilon: added to the variance; None subtracts the mean and leaves the scale.
    is_differentiated: False takes the statistics for constants, as a gradient step
      does that leaves normalization to something outside of it.

  Returns:
    The normalized values, shaped like x, and the moments.
  """
  statistics = moments(x)
  used = statistics if is_differentiated else jax.lax.stop_gradient(statistics)
  return with_statistics(x, used.mean, used.var, epsilon), statistics


def with_statistics(
  x: jax.Array, mean: jax.Array, var: jax.Array, epsilon: float | None
) -> jax.Array:
  """x of `[m, features]`, centred and, with an epsilon, divided by its deviation."""
  if epsilon is None:
    return x - mean[None]
  return normalize(x, mean, var, jnp.ones_like(mean), jnp.zeros_like(mean), epsilon)


class Standardization(nn.Module):
  """A layer of `standardize`, with the population estimate of algorithm 2.

  Attributes:
    decay: the weight of the old value in the moving average.
    epsilon: added to the variance.
    is_scaled: whether to divide by the standard deviation, too.
    is_differentiated: whether the gradient goes through the statistics.
  """

  decay: float
  epsilon: float
  is_scaled: bool
  is_differentiated: bool

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    """y, shaped like x, `[batch, features]`."""
    shape = x.shape[-1:]
    mean = self.variable('batch_stats', 'mean', jnp.zeros, shape)
    var = self.variable('batch_stats', 'var', jnp.ones, shape)
    epsilon = self.epsilon if self.is_scaled else None
    if not train:
      return with_statistics(x, mean.value, var.value, epsilon)
    y, statistics = standardize(x, epsilon, self.is_differentiated)
    if not self.is_initializing():
      _track(mean, statistics.mean, self.decay)
      _track(var, unbiased_variance(statistics), self.decay)
    return y


class Whitening(nn.Module):
  """y = gamma * Cov^(-1/2) (x - E[x]) + beta: all activations of a layer at once.

  Section 2's "full whitening", of a mini-batch, with the gradient through both
  statistics. Of fewer examples than activations the covariance is singular, and what
  epsilon makes of it is inverted.

  Attributes:
    decay: the weight of the old value in the moving average.
    epsilon: added to the diagonal of the covariance.
    use_gamma, use_beta: whether to learn the scale and the shift.
  """

  decay: float
  epsilon: float
  use_gamma: bool = True
  use_beta: bool = True

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    """y, shaped like x, `[batch, features]`."""
    features = x.shape[-1]
    mean = self.variable('batch_stats', 'mean', jnp.zeros, (features,))
    covariance = self.variable('batch_stats', 'covariance', jnp.eye, features)
    if train:
      centre, spread = jnp.mean(x, axis=0), covariance_of(x)
      if not self.is_initializing():
        _track(mean, centre, self.decay)
        _track(covariance, spread * len(x) / (len(x) - 1), self.decay)
    else:
      centre, spread = mean.value, covariance.value
    y = (x - centre[None]) @ inverse_square_root(spread, self.epsilon)
    if self.use_gamma:
      y *= self.param('gamma', nn.initializers.ones, (features,))[None]
    if self.use_beta:
      y += self.param('beta', nn.initializers.zeros, (features,))[None]
    return y


def covariance_of(x: jax.Array) -> jax.Array:
  """`[features, features]`, biased, of x `[m, features]`."""
  centred = x - jnp.mean(x, axis=0, keepdims=True)
  return centred.T @ centred / len(x)


@jax.custom_vjp
def inverse_square_root(matrix: jax.Array, epsilon: float) -> jax.Array:
  """(matrix + epsilon * I)^(-1/2), symmetric.

  Its derivative goes by divided differences of the function over the eigenvalues
  (Daleckii & Krein, 1965), which equal eigenvalues do not harm; that of the
  eigenvectors, which autodiff takes, is infinite there.

  Args:
    matrix: `[n, n]`, symmetric, with no eigenvalue below 0 but for rounding.
    epsilon: positive.
  """
  return _forward(matrix, epsilon)[0]


def _forward(matrix, epsilon):
  values, vectors = jnp.linalg.eigh(matrix)
  roots = jnp.sqrt(jnp.maximum(values, 0) + epsilon)
  return (vectors / roots[None]) @ vectors.T, (roots, vectors)


def _backward(residuals, cotangent):
  """(a^-1/2 - b^-1/2) / (a - b) = -1 / (sqrt(a) sqrt(b) (sqrt(a) + sqrt(b)))."""
  roots, vectors = residuals
  rows, columns = roots[:, None], roots[None, :]
  differences = -1 / (rows * columns * (rows + columns))
  symmetric = (cotangent + cotangent.T) / 2
  inner = differences * (vectors.T @ symmetric @ vectors)
  return vectors @ inner @ vectors.T, None


inverse_square_root.defvjp(_forward, _backward)


def _track(variable: Any, now: jax.Array, decay: float) -> None:
  """Moves a moving average."""
  variable.value = decay * variable.value + (1 - decay) * jax.lax.stop_gradient(now)


# Of each unit, drawn anew at every step: the middle of its shifts, within this, and of
# its scales, from 1 to this. Of each example: how far its shift is off that middle at
# most, and the deviation of its scale.
_SHIFT, _SCALE = 0.5, 1.25
_SHIFT_OF_EXAMPLE, _SCALE_OF_EXAMPLE = 0.1, 0.1


def shaken(key: jax.Array, x: jax.Array) -> jax.Array:
  """x under noise whose mean and scale are others at every step.

  As Santurkar et al. (2018) put behind batch normalization, so that no distribution
  stays as it is.

  Args:
    key: of the step.
    x: `[batch, units]`.

  Returns:
    scales * x + shifts, shaped like x.
  """
  of_units, of_scales, of_examples, of_deviations = jax.random.split(key, 4)
  units = (1, x.shape[-1])
  shift = jax.random.uniform(of_units, units, minval=-_SHIFT, maxval=_SHIFT)
  scale = jax.random.uniform(of_scales, units, minval=1, maxval=_SCALE)
  off = jax.random.uniform(of_examples, x.shape, minval=-1, maxval=1)
  deviation = jax.random.normal(of_deviations, x.shape)
  return (scale + _SCALE_OF_EXAMPLE * deviation) * x + shift + _SHIFT_OF_EXAMPLE * off
