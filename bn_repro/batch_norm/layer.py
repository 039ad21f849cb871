"""Batch normalization as a layer of a network: section 3.2 of Ioffe & Szegedy (2015).

The Flax module `BatchNorm` applies the transform of `transform.py` and keeps the
population estimate in the mutable `batch_stats` collection. Does not know which model
it serves. Of devices it knows the names of axes and the groups.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float

from bn_repro.batch_norm import arguments
from bn_repro.batch_norm.device_axes import AxisName, Groups, with_automatic_axes
from bn_repro.batch_norm.transform import (
  batch_normalize,
  normalize,
  statistics_dtype,
  unbiased_variance,
)


class BatchNorm(nn.Module):
  """y = BN_{gamma,beta}(x), placed just before a nonlinearity (section 3.2).

  Parameters are `gamma` and `beta`. The collection `batch_stats` has `mean` and `var`,
  the population estimate of algorithm 2 (the variance times m / (m - 1)). A moving
  average tracks it in training; inference takes it as it is.

  Runs under `jit` (also over a sharded batch), `pmap`, `vmap`, `shard_map`, `nn.remat`
  and `nn.scan`; docs/layer.md shows how to use it in your own network. The gradient is
  written out for reverse mode, which can be repeated (`jax.grad` of `jax.grad`).
  Forward mode is not supported in training: `jax.jvp`, `jax.jacfwd` and `jax.hessian`
  raise a TypeError. Take `jax.jacrev(jax.grad(f))` for a Hessian, and
  `jax.grad(lambda x: jnp.vdot(jax.grad(f)(x), v))` for its product with v. With
  `train=False` both modes work. No gradient flows through updated `batch_stats` to x:
  they are for tracking.

  Attributes:
    decay: weight of the old value in the moving average, 0 to 1; at 0 the collection
      holds the statistics of the last mini-batch.
    epsilon: added to the variance, above 0. The paper does not give its value.
    group_size: examples that are normalized together on one device (a ghost
      batch), 1 or more; None takes all that the device holds.
    axis_name: the device axis, or axes, over which moments are merged; None
      normalizes per device, as the replicas of the paper did. Under `jit` alone
      there is no such axis: a batch is one batch, however it lies on devices.
    axis_index_groups: merges within these groups of devices only. All are of one size,
      and each device is in one of them.
    per_activation: a mean, variance, gamma and beta for every activation
      instead of one for every feature map (sections 3.2 and 4.2.3).
    use_gamma, use_beta: whether to learn the scale and the shift.
  """

  decay: float = 0.99
  epsilon: float = 1e-3
  group_size: int | None = None
  axis_name: AxisName | None = None
  axis_index_groups: Groups = None
  per_activation: bool = False
  use_gamma: bool = True
  use_beta: bool = True

  def __call__(
    self,
    x: Float[ArrayLike, 'batch *places features'],
    train: bool,
    mask: Bool[ArrayLike, 'batch ...'] | None = None,
  ) -> Float[Array, 'batch *places features']:
    """y, in the dtype of x, by mini-batch moments (train) or the population estimate.

    Args:
      x: the inputs of a layer of nonlinearities, Wu.
      train: whether to use, and track, the moments of the mini-batch.
      mask: what counts: examples, or the positions of sequences
        `[batch, length, features]`. The rest is normalized with the moments of what
        counts, and must be finite. With `per_activation` an activation counts in
        those examples in which its position does.

    Raises:
      UserError: (a ValueError) an attribute or argument is not as above. In training
        also: a group has one value for each feature, the batch is not a whole number
        of groups, or both `group_size` and `axis_name` are set.
    """
    return side_by_side((self,), x, train, mask=mask)

  @nn.compact
  def stored(self, shape: tuple[int, ...], dtype: jnp.dtype) -> 'Stored':
    """What the layer has in its collections, for features of this shape."""
    mean = self.variable('batch_stats', 'mean', jnp.zeros, shape, dtype)
    var = self.variable('batch_stats', 'var', jnp.ones, shape, dtype)
    arguments.check_statistics(mean.value.shape, shape)
    gamma = self._parameter('gamma', self.use_gamma, nn.initializers.ones, shape)
    beta = self._parameter('beta', self.use_beta, nn.initializers.zeros, shape)
    return Stored(mean, var, gamma, beta)

  def _parameter(self, name, is_used, initializer, shape):
    if not is_used:
      return initializer(None, shape, jnp.float32)
    return self.param(name, initializer, shape, jnp.float32)


class Stored(NamedTuple):
  """Statistics and parameters of a `BatchNorm`; `mean` and `var` can be assigned."""

  mean: nn.Variable
  var: nn.Variable
  gamma: Float[Array, '*shape']
  beta: Float[Array, '*shape']


def side_by_side(
  layers: Sequence[BatchNorm],
  x: Float[ArrayLike, 'batch *places features'],
  train: bool,
  sizes: Sequence[int] | None = None,
  mask: Bool[ArrayLike, 'batch ...'] | None = None,
) -> Float[Array, 'batch *places features']:
  """The outputs of layers whose inputs lie side by side in x, by one transform.

  As `BatchNorm.__call__` of each, which normalizes every feature by itself (section
  3.2), in a fraction of the operations.

  Args:
    layers: of equal attributes.
    x, train, mask: as of `BatchNorm.__call__`, whose errors are raised.
    sizes: how many features of x each layer has; None where there is one layer.
  """
  layer = layers[0]
  x, mask = jnp.asarray(x), None if mask is None else jnp.asarray(mask)
  arguments.check_call(x, mask, train)
  decay, epsilon, axis_index_groups = arguments.check_attributes(layer)
  sizes = sizes or x.shape[-1:]
  places = x.shape[1:-1] if layer.per_activation else ()
  stored = [
    part.stored((*places, size), statistics_dtype(x))
    for part, size in zip(layers, sizes, strict=True)
  ]
  old = [joined([part[i].value for part in stored]) for i in (0, 1)]
  gamma, beta = (joined([part[i] for part in stored]) for i in (2, 3))
  if not train:
    infer = functools.partial(_infer, epsilon, layer.per_activation)
    return with_automatic_axes(infer, x, *old, gamma, beta)[0]
  groups = arguments.number_of_groups(layer.group_size, x.shape[0], layer.axis_name)
  axis_name = None if layer.is_initializing() else layer.axis_name
  if not layer.is_initializing():
    size = x.size // gamma.size // groups
    arguments.check_number_of_values(size, axis_name, axis_index_groups)
  transform = functools.partial(
    _transform, groups, layer.per_activation, (epsilon, axis_name, axis_index_groups)
  )
  y, statistics = with_automatic_axes(transform, x, gamma, beta, mask)
  if not layer.is_initializing():
    _track(stored, old, statistics, decay, sizes)
  return y


def _track(stored, old, statistics, decay, sizes):
  """Moves what the layers have stored towards the moments of a mini-batch."""
  track, is_counted = functools.partial(_tracked, decay), statistics.count > 1
  new = statistics.mean, unbiased_variance(statistics)
  for i in (0, 1):
    tracked = with_automatic_axes(track, old[i], new[i], is_counted)[0]
    for part, value in zip(stored, split(tracked, sizes)):
      part[i].value = value


def joined(arrays: Sequence[Array]) -> Array:
  """Arrays, their features side by side."""
  return arrays[0] if len(arrays) == 1 else jnp.concatenate(arrays, axis=-1)


def split(array: Array, sizes: Sequence[int]) -> list[Array]:
  """The arrays, with these numbers of features, that lie side by side in one."""
  if len(sizes) == 1:
    return [array]
  return jnp.split(array, [*itertools.accumulate(sizes[:-1])], axis=-1)


def _infer(epsilon, per_activation, x, *vectors):
  mean, var, gamma, beta = (vector.ravel() for vector in vectors)
  y = normalize(_as_rows(x, 1, per_activation), mean, var, gamma, beta, epsilon)
  return y.reshape(x.shape).astype(x.dtype), ()


def _transform(groups, per_activation, settings, x, gamma, beta, mask):
  rows = _as_rows(x, groups, per_activation)
  if mask is not None:
    mask = _mask_as_rows(mask, x, groups, per_activation)
  y, statistics = batch_normalize(rows, gamma.ravel(), beta.ravel(), mask, *settings)
  return y.reshape(x.shape), statistics


def _as_rows(x, groups, per_activation):
  """`[batch, ..., features]` as `[groups, m, features]`, or `[m, features]`.

  A single group has no axis of its own: with an axis of length 1, unlike a longer one,
  XLA's CPU back end takes 4 to 9 times as long (results/benchmarks).
  """
  leading = () if groups == 1 else (groups,)
  if per_activation:
    return x.reshape(*leading, x.shape[0] // groups, math.prod(x.shape[1:]))
  return x.reshape(*leading, -1, x.shape[-1])


def _mask_as_rows(mask, x, groups, per_activation):
  """A mask as `[..., m, 1]`, or as `[..., m, features]` where features differ in it."""
  if mask.ndim == 1 and per_activation:
    return _as_rows(mask[:, None], groups, per_activation)
  mask = mask.reshape(*mask.shape, *(1,) * (x.ndim - mask.ndim))
  if per_activation:
    return _as_rows(jnp.broadcast_to(mask, x.shape), groups, per_activation)
  return _as_rows(jnp.broadcast_to(mask, (*x.shape[:-1], 1)), groups, per_activation)


def _tracked(decay, old, statistic, is_counted):
  """decay * old + (1 - decay) * mean of the statistic over the groups that count.

  A group with fewer than two unmasked values has no variance and does not count; where
  no group counts, the old value stays. At decay 0 the old value is ignored, even NaN.
  """
  over_groups = tuple(range(statistic.ndim - 1))
  number = jnp.sum(is_counted, over_groups, dtype=statistic.dtype)
  total = jnp.sum(jnp.where(is_counted, statistic, 0), over_groups)
  now = (total / jnp.maximum(number, 1)).reshape(old.shape)
  is_new = jnp.broadcast_to(number > 0, total.shape).reshape(now.shape)
  moved = jnp.where(decay == 0, now, decay * old + (1 - decay) * now)
  return jnp.where(is_new, moved, old), ()
