"""Batch normalization as a layer of a network: section 3.2 of Ioffe & Szegedy (2015).

`BatchNorm` is the Flax module that applies the transform of `batch_norm.py` and keeps
the population estimate in the mutable `batch_stats` collection. Does not know which
model it serves, nor how devices are arranged: of a device axis it knows the name only.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from bn_repro.batch_norm import (
  batch_normalize,
  normalize,
  statistics_dtype,
  unbiased_variance,
)
from bn_repro.errors import UserError


class BatchNorm(nn.Module):
  """The BN transform as a layer, placed just before a nonlinearity (section 3.2).

  Parameters `gamma` and `beta`; collection `batch_stats` with `mean` and `var`,
  the population estimate of algorithm 2 (the variance times m / (m - 1)),
  tracked by a moving average in training and used as it is otherwise.

  Attributes:
    decay: the weight of the old value in the moving average, 0 to 1; at 0 the
      collection holds the statistics of the last mini-batch.
    epsilon: added to the variance. The paper does not give its value.
    group_size: examples that are normalized together on one device (a ghost
      batch); None takes all that the device holds.
    axis_name: the device axis over which moments are merged; None normalizes
      per device, as the replicas of the paper did.
    axis_index_groups: merges within these groups of devices only.
    per_activation: a mean, variance, gamma and beta for every activation
      instead of one for every feature map (sections 3.2 and 4.2.3).
    use_gamma, use_beta: whether to learn the scale and the shift.
  """

  decay: float = 0.99
  epsilon: float = 1e-3
  group_size: int | None = None
  axis_name: str | None = None
  axis_index_groups: tuple[tuple[int, ...], ...] | None = None
  per_activation: bool = False
  use_gamma: bool = True
  use_beta: bool = True

  @nn.compact
  def __call__(
    self, x: jax.Array, *, train: bool, mask: jax.Array | None = None
  ) -> jax.Array:
    """Normalizes x with mini-batch moments (train) or the population estimate.

    Args:
      x: `[batch, ..., features]`, any floating dtype.
      train: whether to use, and track, the moments of the mini-batch.
      mask: `[batch]` bool, the examples that count; None counts all. Padding
        must be finite.

    Returns:
      y, shaped and typed like x.

    Raises:
      UserError: in training, the group has one value for each feature.
      ValueError: in training, the batch is not a whole number of groups, or groups
        of examples are asked for together with moments merged over devices.
    """
    shape = x.shape[1:] if self.per_activation else x.shape[-1:]
    dtype = statistics_dtype(x)
    mean = self.variable('batch_stats', 'mean', jnp.zeros, shape, dtype)
    var = self.variable('batch_stats', 'var', jnp.ones, shape, dtype)
    gamma = self._parameter('gamma', self.use_gamma, nn.initializers.ones, shape)
    beta = self._parameter('beta', self.use_beta, nn.initializers.zeros, shape)
    if not train:
      y = normalize(
        self._grouped(x, 1), mean.value.ravel(), var.value.ravel(), gamma, beta,
        self.epsilon,
      )  # fmt: skip
      return y.reshape(x.shape).astype(x.dtype)
    grouped = self._grouped(x, self._number_of_groups(len(x)))
    axis_name = None if self.is_initializing() else self.axis_name
    if not self.is_initializing():
      self._check_size(grouped.shape[-2], axis_name)
    y, statistics = batch_normalize(
      grouped, gamma, beta, self._grouped_mask(mask, grouped), self.epsilon,
      axis_name, self.axis_index_groups,
    )  # fmt: skip
    if not self.is_initializing():
      is_counted = statistics.count > 1
      self._track(mean, statistics.mean, is_counted)
      self._track(var, unbiased_variance(statistics), is_counted)
    return y.reshape(x.shape)

  def _parameter(self, name, is_used, initializer, shape):
    if not is_used:
      return initializer(None, shape, jnp.float32).ravel()
    return self.param(name, initializer, shape, jnp.float32).ravel()

  def _number_of_groups(self, batch: int) -> int:
    if self.group_size is None:
      return 1
    if self.axis_name is not None:
      raise ValueError('group_size normalizes within a device: set no axis_name')
    if batch % self.group_size:
      raise ValueError(
        f'a batch of {batch} is not a whole number of groups of {self.group_size}'
      )
    return batch // self.group_size

  def _grouped(self, x: jax.Array, groups: int) -> jax.Array:
    """`[batch, ..., features]` as `[groups, m, features]`, or `[m, features]`.

    One group has no axis: with an axis of length 1 XLA's CPU back end takes 4 to 9
    times as long, with a longer one it does not (results/benchmarks).
    """
    leading = () if groups == 1 else (groups,)
    if self.per_activation:
      return x.reshape(*leading, len(x) // groups, -1)
    return x.reshape(*leading, -1, x.shape[-1])

  def _grouped_mask(self, mask, grouped):
    """`[batch]` as `[..., m, 1]`, the locations of an example sharing its value."""
    if mask is None:
      return None
    locations = grouped[..., 0].size // len(mask)
    return jnp.repeat(mask, locations).reshape(*grouped.shape[:-1], 1)

  def _check_size(self, size: int, axis_name: str | None):
    devices = 1
    if axis_name is not None:
      groups = self.axis_index_groups
      devices = len(groups[0]) if groups else lax.axis_size(axis_name)
    if size * devices < 2:
      raise UserError(
        'batch normalization in training needs m > 1 values for each feature '
        '(section 3.1); use a larger batch or group'
      )

  def _track(self, variable, of_each_group, is_counted):
    """Moves a moving average by the mean over the groups that are counted.

    A group with fewer than two unmasked values has no variance and is not; where
    there is no other, the old value stays.
    """
    over_groups = tuple(range(of_each_group.ndim - 1))
    number = jnp.sum(is_counted, dtype=of_each_group.dtype)
    total = jnp.sum(jnp.where(is_counted, of_each_group, 0), over_groups)
    now = (total / jnp.maximum(number, 1)).reshape(variable.value.shape)
    new = self.decay * variable.value + (1 - self.decay) * now
    variable.value = jnp.where(number > 0, new, variable.value)
