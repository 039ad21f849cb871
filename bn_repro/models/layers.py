"""The layers that the Inception networks are made of.

Images are `[batch, height, width, channels]`. Does not know which layers make
which network.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from bn_repro.batch_norm import statistics_dtype

NONLINEARITIES = {'relu': nn.relu, 'sigmoid': nn.sigmoid}


class Convolution(nn.Module):
  """z = g(BN(Wu)) or, without batch normalization, g(Wu + b) (section 3.2).

  Under BN there is no bias: beta takes its role. Padding is as TensorFlow's
  SAME, which divides sizes by the stride, rounding up.

  Attributes:
    features: channels of the output.
    kernel: height and width of the patch.
    stride: in both directions.
    depth_multiplier: None for a full convolution; else it is separable: this
      many filters on each input channel alone, then 1x1 over all of them, with
      nothing between the two (figure 5's first convolution, 8 filters).
    batch_norm: makes a BN layer, given its name; None leaves it out.
    nonlinearity: g, of `NONLINEARITIES`.
    weight_variance: of a weight, times the number of inputs it is summed over.
    dtype: of the computation; parameters are float32.
  """

  features: int
  kernel: int = 1
  stride: int = 1
  depth_multiplier: int | None = None
  batch_norm: Callable[..., nn.Module] | None = None
  nonlinearity: str = 'relu'
  weight_variance: float = 2.0
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    """`[batch, height / stride, width / stride, features]` of x, in `dtype`."""
    kernel, stride = self.kernel, self.stride
    if self.depth_multiplier is not None:
      channels = x.shape[-1]
      filters = channels * self.depth_multiplier
      x = self._linear('depthwise', filters, kernel, stride, False, channels)(x)
      kernel, stride = 1, 1
    has_bias = self.batch_norm is None
    x = self._linear('convolution', self.features, kernel, stride, has_bias)(x)
    if self.batch_norm is not None:
      x = self.batch_norm(name='batch_norm')(x, train=train)
    return NONLINEARITIES[self.nonlinearity](x)

  def _linear(self, name, features, kernel, stride, has_bias, groups=1) -> nn.Conv:
    return nn.Conv(
      features, (kernel, kernel), strides=stride, feature_group_count=groups,
      use_bias=has_bias, kernel_init=initial_weights(self.weight_variance),
      dtype=self.dtype, name=name,
    )  # fmt: skip


def initial_weights(weight_variance: float) -> Callable:
  """Truncated normal weights of this variance times fan-in (He et al., 2015: 2)."""
  return nn.initializers.variance_scaling(weight_variance, 'fan_in', 'truncated_normal')


class Pool(nn.Module):
  """3x3 pooling; an average counts no padding.

  Attributes:
    kind: 'max' or 'avg'.
    stride: in both directions.
  """

  kind: str
  stride: int = 1

  def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
    """`[batch, height / stride, width / stride, channels]`, typed like x."""
    window, strides = (3, 3), (self.stride, self.stride)
    if self.kind == 'max':
      return nn.max_pool(x, window, strides, padding='SAME')
    return average_pool(x, window, strides, 'SAME')


def average_pool(x: jax.Array, window, strides, padding: str) -> jax.Array:
  """Means over windows of `[batch, height, width, channels]`, typed like x.

  By default Flax counts the padding, TensorFlow does not. Its counts are float32.
  """
  wide = x.astype(statistics_dtype(x))
  pooled = nn.avg_pool(wide, window, strides, padding, count_include_pad=False)
  return pooled.astype(x.dtype)


class LocalResponseNormalization(nn.Module):
  """Divides each value by (1 + alpha * sum of squares)^(3/4) over 5 channels.

  Krizhevsky et al. (2012), with GoogLeNet's constants: Caffe's size 5 and alpha
  1e-4 divide the sum by 5; this form does not, which makes alpha 2e-5.
  """

  radius: int = 2
  alpha: float = 2e-5

  def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
    """x `[..., channels]`, normalized over neighbouring channels, in its dtype."""
    wide = x.astype(statistics_dtype(x))
    # A product with a band of ones: four times as fast on the CPU as adding slices.
    channels = np.arange(x.shape[-1])
    is_near = np.abs(channels[:, None] - channels) <= self.radius
    around = jnp.matmul(wide * wide, is_near.astype(wide.dtype))
    # s^(-3/4), without the power function.
    inverse = jax.lax.rsqrt(1 + self.alpha * around)
    return (wide * inverse * jnp.sqrt(inverse)).astype(x.dtype)
