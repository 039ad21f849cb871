"""Batch normalization: section 3 of Ioffe & Szegedy (2015).

Pure functions of activations `[*groups, m, features]`: the m values of a feature that
share one mean and one variance lie along the last axis but one. A fully connected layer
has m = batch; a convolution has m' = batch x height x width (section 3.2). With
per-activation normalization (section 4.2.3) every location is a feature of its own.
Each of the groups, such as ghost batches, has moments of its own.

Algorithm 1 and its gradient come first, then algorithm 2. `layer.py` makes a layer of
them. Of devices they know the names of axes and the groups.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Bool, Float, Float64

from bn_repro.batch_norm import device_axes
from bn_repro.batch_norm.device_axes import AxisName, Groups


class Moments(NamedTuple):
  """Mean and biased variance of m = `count` values (algorithm 1), float32 or wider."""

  mean: Float[Array, '*groups features']
  var: Float[Array, '*groups features']
  count: Float[Array, '*groups #features']


def moments(
  x: Float[ArrayLike, '*groups m features'],
  mask: Bool[ArrayLike, '*groups m #features'] | None = None,
) -> Moments:
  """Mean and biased variance over m values (algorithm 1, lines 1 and 2).

  mean = sum(x) / m and var = sum((x - mean)^2) / m, in two passes. The second corrects
  the mean for the rounding of the first: values of mean 1e4 and variance 1 come out
  right in float32, which they do not by E[x^2] - E[x]^2.

  With a mask, m is the number of values for which it is True. Where there is none,
  mean, var and count are 0.
  """
  x = x.astype(statistics_dtype(x))
  if mask is None:
    count = jnp.full((*x.shape[:-2], 1), x.shape[-2], x.dtype)
  else:
    count = jnp.sum(mask, axis=-2, dtype=x.dtype)
    x = jnp.where(mask, x, 0)
  at_least_one = jnp.maximum(count, 1)
  mean = jnp.sum(x, axis=-2) / at_least_one
  centred = x - _rows(mean, x)
  if mask is not None:
    centred = jnp.where(mask, centred, 0)
  remainder = jnp.sum(centred, axis=-2) / at_least_one
  square = jnp.sum(centred * centred, axis=-2) / at_least_one
  return Moments(
    mean + remainder, jnp.maximum(square - remainder * remainder, 0), count
  )


def merge_moments(parts: Moments) -> Moments:
  """The moments of all values together, from those of parts along the first axis.

  Exact for parts of any sizes: the variance of the parts' means is added to the
  mean of their variances (the parallel form of Chan, Golub & LeVeque, 1979).
  A part with count 0 changes nothing.
  """
  count = jnp.sum(parts.count, axis=0, keepdims=True)
  weight = parts.count / jnp.maximum(count, 1)
  # Relative to one of the means, as sums of large, nearly equal numbers lose digits: to
  # that of the largest part, as that of an empty part is 0.
  largest = jnp.argmax(parts.count, axis=0, keepdims=True)
  origin = jnp.take_along_axis(parts.mean, largest, axis=0)
  mean = origin + jnp.sum(weight * (parts.mean - origin), axis=0, keepdims=True)
  spread = parts.var + jnp.square(parts.mean - mean)
  return Moments(mean[0], jnp.sum(weight * spread, axis=0), count[0])


def normalize(
  x: Float[ArrayLike, '*groups m features'],
  mean: Float[ArrayLike, '*#groups features'],
  var: Float[ArrayLike, '*#groups features'],
  gamma: Float[ArrayLike, '*#groups features'],
  beta: Float[ArrayLike, '*#groups features'],
  epsilon: float,
) -> Float[Array, '*groups m features']:
  """y = gamma * (x - mean) / sqrt(var + epsilon) + beta (algorithm 1, lines 3 and 4).

  In float32, or wider where x is. With fixed statistics it is one affine map for each
  feature (section 3.1).
  """
  dtype = statistics_dtype(x)
  scale = _rows(gamma, x).astype(dtype) * lax.rsqrt(_rows(var, x) + epsilon)
  return (x.astype(dtype) - _rows(mean, x)) * scale + _rows(beta, x).astype(dtype)


def _rows(values, x):
  """`[*groups, features]` with a 1 for m, to broadcast against x."""
  ones = (1,) * (x.ndim - 1 - values.ndim)
  *groups, features = values.shape
  return values.reshape(*ones, *groups, 1, features)


@functools.partial(jax.custom_vjp, nondiff_argnums=(4, 5, 6))
def batch_normalize(
  x: Float[ArrayLike, '*groups m features'],
  gamma: Float[ArrayLike, ' features'],
  beta: Float[ArrayLike, ' features'],
  mask: Bool[ArrayLike, '*groups m #features'] | None,
  epsilon: float,
  axis_name: AxisName | None = None,
  axis_index_groups: Groups = None,
) -> tuple[Float[Array, '*groups m features'], Moments]:
  """y = BN_{gamma,beta}(x) (algorithm 1), in the dtype of x, and the moments of x.

  The gradient is the paper's (section 3), written out because it takes less time and
  memory than autodiff of the same forward pass (results/benchmarks). None flows
  through the moments, which are for tracking.

  Args:
    x: each group is normalized by its own moments.
    gamma, beta: scale and shift, which each device may have of its own.
    mask: the values that the moments are computed from. All values are normalized,
      masked or not, and must be finite.
    epsilon: added to the variance.
    axis_name: one or several device axes (of `pmap`, `vmap` or `shard_map`) over
      which moments are merged, in one collective forward and one backward.
    axis_index_groups: merges within these groups of devices only, all of one size.
  """
  return _transform(x, gamma, beta, mask, epsilon, axis_name, axis_index_groups)


def _transform(x, gamma, beta, mask, epsilon, axis_name, axis_index_groups):
  statistics = moments(x, mask)
  if axis_name is not None:
    statistics = _merge_over_devices(statistics, axis_name, axis_index_groups)
  y = normalize(x, statistics.mean, statistics.var, gamma, beta, epsilon)
  return y.astype(x.dtype), statistics


def _merge_over_devices(statistics, axis_name, axis_index_groups):
  """`merge_moments` over a device axis, in one collective."""
  features = statistics.mean.shape[-1]
  gathered = device_axes.gather(
    jnp.concatenate(statistics, axis=-1), axis_name, axis_index_groups
  )
  return merge_moments(Moments(*jnp.split(gathered, (features, 2 * features), axis=-1)))


def _forward(x, gamma, beta, mask, epsilon, axis_name, axis_index_groups):
  y, statistics = _transform(
    x, gamma, beta, mask, epsilon, axis_name, axis_index_groups
  )
  group = device_axes.own_group(axis_name, axis_index_groups)
  return (y, statistics), (x, gamma, beta, mask, statistics, group)


def _backward(epsilon, axis_name, axis_index_groups, residuals, cotangents):
  """The gradients of section 3; those by mean and var are substituted into dl/dx.

  With dy for dl/dy, x_hat = (x - mean) / sqrt(var + epsilon), dl/dx_hat = dy * gamma:

    dl/dvar   = -1/2 / (var + epsilon)^(3/2) * sum(dl/dx_hat * (x - mean))
    dl/dmean  = -1 / sqrt(var + epsilon) * sum(dl/dx_hat)  (its other term is 0)
    dl/dx     = dl/dx_hat / sqrt(var + epsilon)
                + dl/dvar * 2 * (x - mean) / m + dl/dmean / m
              = gamma / sqrt(var + epsilon)
                * (dy - (sum(dy) + x_hat * sum(dy * x_hat)) / m)
              (gamma stands within the sums where devices may differ in it)
    dl/dgamma = sum(dy * x_hat)
    dl/dbeta  = sum(dy)
  """
  x, gamma, beta, mask, (mean, var, count), group = residuals
  dy = cotangents[0].astype(mean.dtype)
  inverse = lax.rsqrt(var + epsilon)
  centred = x.astype(mean.dtype) - _rows(mean, x)
  own = jnp.sum(dy, axis=-2), jnp.sum(dy * centred, axis=-2) * inverse
  # Every device's output depends on the merged moments, and so on this x. A gamma that
  # all have can wait until after the sums; where it may differ, each weighs its own.
  is_shared = device_axes.is_shared(gamma, own[0], axis_name)
  weighted = own if is_shared else [_times(gamma, part) for part in own]
  summed = _sum_over_devices(weighted, axis_name, axis_index_groups, group)
  like = lambda own, summed, argument: device_axes.gradient_like(
    own, summed, argument, axis_name, axis_index_groups
  )
  d_beta, d_gamma = (
    like(_over_groups(own), _over_groups(total), parameter).astype(parameter.dtype)
    for own, total, parameter in zip(own, summed if is_shared else own, (beta, gamma))
  )
  through = _through_moments(summed, centred, inverse, count, mask)
  scale = _rows(gamma, x).astype(mean.dtype)
  if is_shared:
    d_x = (dy - through) * (scale * _rows(inverse, x))
  else:
    d_x = (dy * scale - through) * _rows(inverse, x)
  return like(d_x, d_x, x).astype(x.dtype), d_gamma, d_beta, None


def _through_moments(summed, centred, inverse, count, mask):
  """(sum(dy) + x_hat * sum(dy * x_hat)) / m, and 0 where x does not count."""
  at_least_one = jnp.maximum(count, 1)
  sum_dy, sum_dy_x_hat = summed
  through_mean = _rows(sum_dy / at_least_one, centred)
  through_variance = centred * _rows(sum_dy_x_hat * inverse / at_least_one, centred)
  through = through_mean + through_variance
  return through if mask is None else jnp.where(mask, through, 0)


def _times(gamma, sums):
  return jnp.broadcast_to(gamma.astype(sums.dtype), sums.shape) * sums


def _over_groups(gradient):
  return jnp.sum(gradient, axis=tuple(range(gradient.ndim - 1)))


def _sum_over_devices(sums, axis_name, axis_index_groups, group):
  if axis_name is None:
    return sums
  summed = device_axes.total(jnp.stack(sums), axis_name, axis_index_groups, group)
  return summed[0], summed[1]


batch_normalize.defvjp(_forward, _backward)


def statistics_dtype(x: Float[ArrayLike, '...']) -> jnp.dtype:
  """float32, or the dtype of x if it is wider."""
  return x.dtype if jnp.finfo(x.dtype).bits > 32 else jnp.dtype(jnp.float32)


# Algorithm 2: from a trained network to one for inference. Lines 1 to 6, training with
# a moving average, are in layer.py; lines 7 to 10, over a training set, in
# training/population.py; lines 11 and 12, for all layers of a network, in fold.py.


def population_statistics(
  mini_batch_statistics: Callable[[Any], Any], mini_batches: Iterable[Any]
) -> Any:
  """E[x] and Var[x] of the population (algorithm 2, lines 8 to 10), as `batch_stats`.

  E[x] = mean of the mini-batches' means, and Var[x] = mean of their unbiased variances
  m / (m - 1) * var. As in the paper, it is not the variance of the pooled values.

  Args:
    mini_batch_statistics: maps a mini-batch to the `batch_stats` of the frozen
      network on that mini-batch alone: the mean and the unbiased variance, which
      `BatchNorm` stores at decay 0. It may also map a stack of equally large
      mini-batches to their average.
    mini_batches: what to average over; each item weighs the same.

  Raises:
    ValueError: there are no mini-batches.
  """
  total, number = None, 0
  for mini_batch in mini_batches:
    statistics = mini_batch_statistics(mini_batch)
    total = statistics if total is None else jax.tree.map(jnp.add, total, statistics)
    number += 1
  if number == 0:
    raise ValueError('population statistics need at least one mini-batch')
  return jax.tree.map(lambda leaf: leaf / number, total)


def unbiased_variance(statistics: Moments) -> Float[Array, '*groups features']:
  """Var[x] = m / (m - 1) * var (algorithm 2, line 10).

  A single value has no variance: m = 1 gives NaN and not a number that looks right.
  """
  return statistics.var * (statistics.count / (statistics.count - 1))


def affine(
  params: Any, statistics: Any, epsilon: float
) -> tuple[Float64[np.ndarray, '*shape'], Float64[np.ndarray, '*shape']]:
  """The scale and shift that y = scale * x + shift has for BN (algorithm 2, line 11).

  scale = gamma / sqrt(var + epsilon) and shift = beta - scale * mean, in float64.
  `params` has gamma and beta of a BN layer, if it has them; `statistics` mean and var.
  """
  mean, var = (np.asarray(statistics[name], np.float64) for name in ('mean', 'var'))
  scale = np.asarray(params.get('gamma', 1), np.float64) / np.sqrt(var + epsilon)
  return scale, np.asarray(params.get('beta', 0), np.float64) - scale * mean
