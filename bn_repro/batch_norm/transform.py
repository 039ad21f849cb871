"""Batch normalization: section 3 of Ioffe & Szegedy (2015).

Pure functions of activations that are laid out as `[..., m, features]`: the m
values that share one mean and one variance lie along the last axis but one. A
fully connected layer has m = batch; a convolution has m' = batch x height x
width (section 3.2); per-activation normalization (section 4.2.3) has every
location as a feature of its own; ghost batches are `[groups, m, features]`.
`batch_norm_layer.py` makes a layer of them.

The file does not know which model it serves, nor how devices are arranged: of
a device axis it knows the name only.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from bn_repro.batch_norm import device_axes
from bn_repro.batch_norm.device_axes import AxisName, Groups


class Moments(NamedTuple):
  """Mean and biased variance of `count` values for each feature.

  `mean` and `var` are `[..., features]`, at least float32; `count` is `[..., 1]`
  and broadcasts against them (m of algorithm 1).
  """

  mean: jax.Array
  var: jax.Array
  count: jax.Array


def moments(x: jax.Array, mask: jax.Array | None = None) -> Moments:
  """Mean and biased variance over the last axis but one (algorithm 1).

  Two passes, the second centred on the result of the first and corrected for
  what rounding left there, so that values of mean 1e4 and variance 1 come out
  right in float32, which E[x^2] - E[x]^2 does not do.

  Args:
    x: `[..., m, features]`, any floating dtype; computed in at least float32.
    mask: `[..., m, 1]` bool, the values that count, or `[..., m, features]`, where
      features differ in that; None counts all.

  Returns:
    `Moments` of `[..., features]`. Where nothing counts, mean, var and count
    are 0.
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
  """The moments of a union of disjoint sets of values from those of its parts.

  Exact, whatever the sizes: the variance of the parts' means is added to the
  mean of their variances (the parallel form of Chan, Golub & LeVeque, 1979).

  Args:
    parts: `Moments` with the parts along a leading axis, `[parts, ...]`.

  Returns:
    `Moments` without that axis. A part with count 0 changes nothing.
  """
  count = jnp.sum(parts.count, axis=0, keepdims=True)
  weight = parts.count / jnp.maximum(count, 1)
  # Relative to one of the means: sums of large equal numbers lose digits. That of the
  # largest part, as that of an empty one is 0.
  largest = jnp.argmax(parts.count, axis=0, keepdims=True)
  origin = jnp.take_along_axis(parts.mean, largest, axis=0)
  mean = origin + jnp.sum(weight * (parts.mean - origin), axis=0, keepdims=True)
  spread = parts.var + jnp.square(parts.mean - mean)
  return Moments(mean[0], jnp.sum(weight * spread, axis=0), count[0])


def unbiased_variance(statistics: Moments) -> jax.Array:
  """Var[x] = m / (m - 1) * var, `[..., features]` (algorithm 2, step 10).

  One value alone has no variance: m = 1 gives NaN rather than a quiet number.
  """
  return statistics.var * (statistics.count / (statistics.count - 1))


def normalize(
  x: jax.Array,
  mean: jax.Array,
  var: jax.Array,
  gamma: jax.Array,
  beta: jax.Array,
  epsilon: float,
) -> jax.Array:
  """y = gamma * (x - mean) / sqrt(var + epsilon) + beta (algorithm 1, last step).

  With fixed statistics it is one affine map for each feature (section 3.1).

  Args:
    x: `[..., m, features]`; the others `[..., features]` or `[features]`.
    mean, var, gamma, beta: the statistics and the two learned parameters.
    epsilon: added to the variance for numerical stability, in its unit.

  Returns:
    y, shaped like x, in x's dtype or float32, whichever is wider.
  """
  dtype = statistics_dtype(x)
  scale = _rows(gamma, x).astype(dtype) * lax.rsqrt(_rows(var, x) + epsilon)
  return (x.astype(dtype) - _rows(mean, x)) * scale + _rows(beta, x).astype(dtype)


def _rows(of_features: jax.Array, x: jax.Array) -> jax.Array:
  """`[..., features]` with a 1 for m, to broadcast against `[..., m, features]`."""
  ones = (1,) * (x.ndim - 1 - of_features.ndim)
  *groups, features = of_features.shape
  return of_features.reshape(*ones, *groups, 1, features)


@functools.partial(jax.custom_vjp, nondiff_argnums=(4, 5, 6))
def batch_normalize(
  x: jax.Array,
  gamma: jax.Array,
  beta: jax.Array,
  mask: jax.Array | None,
  epsilon: float,
  axis_name: AxisName | None = None,
  axis_index_groups: Groups = None,
) -> tuple[jax.Array, Moments]:
  """The batch normalizing transform BN_{gamma,beta} of algorithm 1.

  The gradient is the paper's (section 3), in the closed form that follows from
  its six formulas. It is written out because it measured leaner than autodiff
  of the same two-pass forward, in time and memory: results/benchmarks.

  Args:
    x: `[..., m, features]`; each group of m is normalized by its own moments.
    gamma, beta: `[features]`, scale and shift.
    mask: `[..., m, 1]` bool, the values that count towards the moments, or
      None. All values are normalized, masked ones too, and must be finite.
    epsilon: added to the variance.
    axis_name: a device axis, or several (of `pmap`, `vmap` or `shard_map`), over
      which the moments are merged, in one collective forward and one backward;
      None keeps them apart.
    axis_index_groups: merges within these groups of devices only, all of one size.

  Returns:
    y, shaped and typed like x, and the `[..., features]` moments, through which
    no gradient flows: they are for tracking.
  """
  y, statistics, _ = _transform(
    x, gamma, beta, mask, epsilon, axis_name, axis_index_groups
  )
  return y, statistics


def _transform(x, gamma, beta, mask, epsilon, axis_name, axis_index_groups):
  statistics = moments(x, mask)
  if axis_name is not None:
    statistics = _merge_over_devices(statistics, axis_name, axis_index_groups)
  y = normalize(x, statistics.mean, statistics.var, gamma, beta, epsilon)
  return y.astype(x.dtype), statistics, (x, gamma, beta, mask, statistics)


def _merge_over_devices(statistics, axis_name, axis_index_groups):
  """`merge_moments` over a device axis, in one collective."""
  features = statistics.mean.shape[-1]
  gathered = device_axes.gather(
    jnp.concatenate(statistics, axis=-1), axis_name, axis_index_groups
  )
  return merge_moments(Moments(*jnp.split(gathered, (features, 2 * features), axis=-1)))


def _forward(x, gamma, beta, mask, epsilon, axis_name, axis_index_groups):
  y, statistics, residuals = _transform(
    x, gamma, beta, mask, epsilon, axis_name, axis_index_groups
  )
  return (y, statistics), (
    *residuals,
    device_axes.own_group(axis_name, axis_index_groups),
  )


def _backward(epsilon, axis_name, axis_index_groups, residuals, cotangents):
  """Section 3's gradients: two sums over the mini-batch, then one affine map.

  dl/dbeta = sum(dy), dl/dgamma = sum(dy * x_hat), and
  dl/dx = gamma / sqrt(var + epsilon)
          * (dy - (sum(dy) + x_hat * sum(dy * x_hat)) / m).
  """
  x, gamma, beta, mask, (mean, var, count), group = residuals
  dy = cotangents[0].astype(mean.dtype)
  inverse = lax.rsqrt(var + epsilon)
  centred = x.astype(mean.dtype) - _rows(mean, x)
  own = jnp.sum(dy, axis=-2), jnp.sum(dy * centred, axis=-2) * inverse
  # Every device's output depends on the merged moments, and so on this x.
  summed = _sum_over_devices(own, axis_name, axis_index_groups, group)
  like = lambda own, summed, argument: device_axes.gradient_like(
    own, summed, argument, axis_name, axis_index_groups
  )
  d_beta, d_gamma = (
    like(_over_groups(own), _over_groups(summed), parameter).astype(parameter.dtype)
    for own, summed, parameter in zip(own, summed, (beta, gamma))
  )
  sum_dy, sum_dy_x_hat = summed
  of_mean = _rows(sum_dy / count, x)
  of_variance = centred * _rows(sum_dy_x_hat * inverse / count, x)
  through_moments = of_mean + of_variance
  if mask is not None:
    through_moments = jnp.where(mask, through_moments, 0)
  scale = _rows(gamma, x).astype(mean.dtype) * _rows(inverse, x)
  d_x = (dy - through_moments) * scale
  return like(d_x, d_x, x).astype(x.dtype), d_gamma, d_beta, None


def _over_groups(of_each):
  return jnp.sum(of_each, axis=tuple(range(of_each.ndim - 1)))


def _sum_over_devices(sums, axis_name, axis_index_groups, group):
  if axis_name is None:
    return sums
  summed = device_axes.total(jnp.stack(sums), axis_name, axis_index_groups, group)
  return summed[0], summed[1]


batch_normalize.defvjp(_forward, _backward)


def population_statistics(
  mini_batch_statistics: Callable[[Any], Any], mini_batches: Iterable[Any]
) -> Any:
  """E[x] and Var[x] of algorithm 2, by averaging over training mini-batches.

  Args:
    mini_batch_statistics: maps a mini-batch to the `batch_stats` of the frozen
      network on that mini-batch alone (the mean and the unbiased variance that
      `BatchNorm` stores at decay 0). It may also take a stack of equally large
      mini-batches and return the average over them.
    mini_batches: what to average over; each item weighs the same.

  Returns:
    A tree like the one that `mini_batch_statistics` returns. The variance is
    the mean of the variances within mini-batches, as in the paper, and not the
    variance of the pooled values.

  Raises:
    ValueError: there are no mini-batches.
  """
  total, number = None, 0
  for mini_batch in mini_batches:
    statistics = mini_batch_statistics(mini_batch)
    total = statistics if total is None else _add(total, statistics)
    number += 1
  if number == 0:
    raise ValueError('population statistics need at least one mini-batch')
  return jax.tree.map(lambda leaf: leaf / number, total)


def _add(left, right):
  return jax.tree.map(jnp.add, left, right)


def statistics_dtype(x: jax.Array):
  """float32, or wider if the input is."""
  return x.dtype if jnp.finfo(x.dtype).bits > 32 else jnp.dtype(jnp.float32)
