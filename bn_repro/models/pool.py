"""The pooling of figure 5, by the operations that XLA's CPU back end is fastest at."""

import functools
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from bn_repro.batch_norm.transform import statistics_dtype
from bn_repro.models.layers import Images, Maps


class Pool(nn.Module):
  """3x3 pooling of a `kind`, 'max' or 'avg'; an average does not count padding."""

  kind: str
  stride: int = 1

  def __call__(self, x: Images, *, train: bool = False) -> Maps:
    """The pooled maps, in the dtype of x."""
    if self.kind == 'max':
      return over_windows(x, _larger, -jnp.inf, self.stride)
    wide = x.astype(statistics_dtype(x))
    counts = jnp.ones((1, *x.shape[1:3], 1), wide.dtype)
    sums, counts = (
      over_windows(values, jnp.add, 0, self.stride) for values in (wide, counts)
    )
    return (sums / counts).astype(x.dtype)


def over_windows(x: Images, combine: Callable, padding: float, stride: int) -> Maps:
  """Combines the values of every 3x3 window: first along columns, then along rows.

  Padded as TensorFlow's SAME. Slices whole arrays: XLA's CPU back end takes 2 to 6
  times as long for `reduce_window` and its gradient (the log of results/benchmarks).

  Args:
    x: the images, whose dtype the result has.
    combine: (array, array) -> array, value by value; associative.
    padding: a value that changes no result of `combine`.
  """
  for axis in (1, 2):
    size = x.shape[axis]
    span = (-(-size // stride) - 1) * stride + 1  # from the first window to the last
    missing = max(span + 2 - size, 0)
    widths = [(0, 0)] * x.ndim
    widths[axis] = (missing // 2, missing - missing // 2)
    padded = jnp.pad(x, widths, constant_values=padding)
    shifted = (
      jax.lax.slice_in_dim(padded, i, i + span, stride, axis) for i in range(3)
    )
    x = functools.reduce(combine, shifted)
  return x


def _larger(first, second):
  """The larger value, or NaN; the gradient goes to the first of equal values.

  By comparison alone: the gradient of `jnp.maximum` asks which value equals the result,
  and a compiler that computes a value twice, rounded differently, may find none.
  """
  return jnp.where((second > first) | jnp.isnan(second), second, first)


def average_pool(x: Images, window: tuple[int, int], strides: tuple[int, int]) -> Maps:
  """Means over the windows that lie within the images, in the dtype of x.

  Summed in at least float32, which Flax would not do.
  """
  wide = x.astype(statistics_dtype(x))
  # Flax's counts are float32; its other divisor is an integer, which our tests refuse.
  return nn.avg_pool(wide, window, strides, count_include_pad=False).astype(x.dtype)
