"""Section 2's alternatives to batch normalization, and Santurkar et al. (2018).

- `Standardization`: each activation alone, by its mean or by its mean and variance. The
  gradient flows through these statistics, or treats them as constants; in the second
  case a bias grows without end and the loss does not change.
- `Whitening`: all activations of a layer together, by their covariance; it is costly.
- `with_noise`: covariate shift, as Santurkar et al. add it behind batch normalization.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from bn_repro.batch_norm import arguments
from bn_repro.batch_norm.transform import Moments, moments, normalize, unbiased_variance


def standardize(
  x: Float[ArrayLike, 'm features'], epsilon: float | None, is_differentiated: bool
) -> tuple[Float[Array, 'm features'], Moments]:
  """Norm(x, X) of section 2 over the mini-batch X, and the moments of X.

  Args:
    epsilon: added to the variance; None subtracts the mean and leaves the scale.
    is_differentiated: False takes the statistics for constants, as a gradient step
      does that knows nothing of the normalization.
  """
  statistics = moments(x)
  used = statistics if is_differentiated else jax.lax.stop_gradient(statistics)
  return with_statistics(x, used.mean, used.var, epsilon), statistics


def with_statistics(
  x: Float[ArrayLike, 'm features'],
  mean: Float[ArrayLike, ' features'],
  var: Float[ArrayLike, ' features'],
  epsilon: float | None,
) -> Float[Array, 'm features']:
  """(x - mean) / sqrt(var + epsilon), or x - mean where there is no epsilon."""
  if epsilon is None:
    return x - mean[None]
  return normalize(x, mean, var, jnp.ones_like(mean), jnp.zeros_like(mean), epsilon)


class Standardization(nn.Module):
  """y = x - E[x], or (x - E[x]) / sqrt(Var[x] + epsilon): a layer of `standardize`.

  Attributes:
    decay: weight of the old value in the moving average, which inference takes.
    is_scaled: whether to divide by the standard deviation, too.
    is_differentiated: whether the gradient goes through the statistics.
  """

  decay: float
  epsilon: float
  is_scaled: bool
  is_differentiated: bool

  @nn.compact
  def __call__(
    self, x: Float[ArrayLike, 'batch features'], *, train: bool
  ) -> Float[Array, 'batch features']:
    """y, of the mini-batch's statistics (train) or of the tracked ones."""
    _check_number(x, train)
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
  """y = gamma * Cov^(-1/2) (x - E[x]) + beta: the full whitening of section 2.

  The gradient goes through both statistics. With fewer examples than activations the
  covariance is singular, and only epsilon lets it be inverted.

  Attributes:
    decay: weight of the old value in the moving average, which inference takes.
    epsilon: added to the diagonal of the covariance.
    use_gamma, use_beta: whether to learn the scale and the shift.
  """

  decay: float
  epsilon: float
  use_gamma: bool = True
  use_beta: bool = True

  @nn.compact
  def __call__(
    self, x: Float[ArrayLike, 'batch features'], *, train: bool
  ) -> Float[Array, 'batch features']:
    """y, of the mini-batch's statistics (train) or of the tracked ones."""
    _check_number(x, train)
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


def covariance_of(
  x: Float[ArrayLike, 'm features'],
) -> Float[Array, 'features features']:
  """Cov = (x - E[x])^T (x - E[x]) / m, biased."""
  centred = x - jnp.mean(x, axis=0, keepdims=True)
  return centred.T @ centred / len(x)


@jax.custom_vjp
def inverse_square_root(
  matrix: Float[ArrayLike, 'n n'], epsilon: float | Float[ArrayLike, '']
) -> Float[Array, 'n n']:
  """(matrix + epsilon * I)^(-1/2) of a symmetric matrix without negative eigenvalues.

  Its derivative takes divided differences of the function between eigenvalues
  (Daleckii & Krein, 1965), which are finite where eigenvalues are equal. Autodiff takes
  the derivative of the eigenvectors, which is infinite there.
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


def _check_number(x, train):
  """UserError for a mini-batch of one example, which has no variance."""
  if train:
    arguments.check_number_of_values(len(x), axis_name=None, groups=None)


def _track(variable, now, decay):
  variable.value = decay * variable.value + (1 - decay) * jax.lax.stop_gradient(now)


# At each step every unit draws a mean shift of -_SHIFT to _SHIFT and a mean scale of 1
# to _SCALE. Around them every example draws its own: a shift, uniform within
# _SHIFT_WITHIN, and a scale, normal with standard deviation _SCALE_WITHIN.
_SHIFT, _SCALE = 0.5, 1.25
_SHIFT_WITHIN, _SCALE_WITHIN = 0.1, 0.1


def with_noise(
  key: PRNGKeyArray, x: Float[ArrayLike, 'batch units']
) -> Float[Array, 'batch units']:
  """scale * x + shift, both random, with other distributions at every step.

  Santurkar et al. (2018) add such noise to the inputs x of nonlinearities, behind batch
  normalization: the distribution of x then changes from step to step in spite of it.
  Pass a new `key` at every step.
  """
  shift_key, scale_key, shift_within_key, scale_within_key = jax.random.split(key, 4)
  units = (1, x.shape[-1])
  shift = jax.random.uniform(shift_key, units, minval=-_SHIFT, maxval=_SHIFT)
  scale = jax.random.uniform(scale_key, units, minval=1, maxval=_SCALE)
  shift_within = jax.random.uniform(shift_within_key, x.shape, minval=-1, maxval=1)
  scale_within = jax.random.normal(scale_within_key, x.shape)
  return (
    (scale + _SCALE_WITHIN * scale_within) * x + shift + _SHIFT_WITHIN * shift_within
  )
