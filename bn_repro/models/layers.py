"""The layers of the Inception networks. Does not know how a network arranges them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from bn_repro.batch_norm.layer import BatchNorm, joined, split
from bn_repro.batch_norm.layer import side_by_side as normalized_side_by_side
from bn_repro.batch_norm.transform import statistics_dtype
from bn_repro.models.convolve import convolve

Images = Float[ArrayLike, 'batch height width channels']
# After a stride, which divides height and width, rounding up.
Maps = Float[ArrayLike, 'batch map_height map_width map_channels']
NONLINEARITIES = {'relu': nn.relu, 'sigmoid': nn.sigmoid}


class Convolution(nn.Module):
  """z = g(BN(Wu)) or, without batch normalization, g(Wu + b) (section 3.2).

  Under BN there is no bias: beta takes its role. Padding is as TensorFlow's
  SAME, which divides sizes by the stride, rounding up.

  Attributes:
    features: channels of the output.
    kernel: height and width of the patch.
    depth_multiplier: None for a full convolution. Else it is separable: that number
      of filters on each input channel, then 1x1 over all of them, with
      nothing between the two (figure 5's first convolution, 8 filters).
    batch_norm: makes a BN layer, given its name; None leaves it out.
    nonlinearity: g, of `NONLINEARITIES`.
    weight_variance, weight_std: of `initial_weights`.
    dtype: of the computation; parameters are float32.
  """

  features: int
  kernel: int = 1
  stride: int = 1
  depth_multiplier: int | None = None
  batch_norm: Callable[..., nn.Module] | None = None
  nonlinearity: str = 'relu'
  weight_variance: float = 2.0
  weight_std: float = 0.0
  dtype: jnp.dtype = jnp.float32

  def __call__(self, x: Images, *, train: bool) -> Maps:
    """z, in `dtype`."""
    return outputs((self,), x, train)

  def nonlinearity_input(self, x: Images) -> Maps:
    """x, unchanged: where analyses capture what g is applied to."""
    return x

  @nn.compact
  def parts(self, inputs: int) -> 'Parts':
    """What the layer consists of, if its input has that many channels."""
    if self.depth_multiplier is None:
      weights = self._weights('convolution', self.kernel, inputs, self.features)
      kernel = weights.kernel
    else:
      filters = inputs * self.depth_multiplier
      depthwise = self._weights('depthwise', self.kernel, 1, filters, has_bias=False)
      weights = self._weights('convolution', 1, filters, self.features)
      kernel = separable_kernel(depthwise.kernel, weights.kernel, inputs)
    if self.batch_norm is None:
      return Parts(kernel, weights.bias, None)
    return Parts(kernel, None, self.batch_norm(name='batch_norm'))

  def _weights(self, name, kernel, inputs, features, has_bias=True) -> 'Weights':
    shape = (kernel, kernel, inputs, features)
    has_bias = has_bias and self.batch_norm is None
    initial = initial_weights(self.weight_variance, self.weight_std)
    return Weights(shape, has_bias, initial, name=name)


class Parts(NamedTuple):
  """The parts of a `Convolution`: W, and b or BN."""

  kernel: Float[Array, 'height width inputs features']
  bias: Float[Array, ' features'] | None
  batch_norm: nn.Module | None


def side_by_side(
  layers: Sequence[Convolution], x: Images, train: bool, pool: nn.Module | None = None
) -> list[Maps]:
  """z of layers that share their input (figure 5), by one convolution and one BN.

  Args:
    layers: that differ in their features alone.
    pool: average pooling, before the last layer. It commutes with a 1x1 convolution,
      and so is computed behind it, where there are fewer channels.
  """
  z = outputs(layers, x, train, pool)
  return split(z, [layer.features for layer in layers])


def outputs(
  layers: Sequence[Convolution], x: Images, train: bool, pool: nn.Module | None = None
) -> Maps:
  """z of layers as in `side_by_side`, their features side by side.

  Every layer of Inception is computed here. The order of section 3.2 is here alone: Wu
  or Wu + b, BN, g. To try BN after the nonlinearity, move the line with `normalized`
  behind g; `Convolution.parts` decides on the bias. `fold.py` knows this order only.
  """
  kernels, biases, norms = zip(*(layer.parts(x.shape[-1]) for layer in layers))
  sizes = [layer.features for layer in layers]
  x = linear(layers[0], x, kernels, biases, sizes, pool)
  x = normalized(x, norms, sizes, train)
  x = NONLINEARITIES[layers[0].nonlinearity](layers[0].nonlinearity_input(x))
  return x


def linear(layer, x, kernels, biases, sizes, pool) -> Maps:
  """Wu, or Wu + b (section 3.2), of layers that differ in their features alone.

  Args:
    layer: one of them, for dtype and stride.
    x: `[batch, height, width, channels]`.
    kernels, biases: of each layer; a bias is `[features]`, or None for all.
    sizes: the features of each layer.
    pool: as of `side_by_side`.
  """
  x = convolve(x.astype(layer.dtype), joined(kernels).astype(layer.dtype), layer.stride)
  if pool:
    before = x.shape[-1] - sizes[-1]
    x = joined([x[..., :before], pool(x[..., before:])])
  if biases[0] is None:
    return x
  return x + joined(biases).astype(layer.dtype).reshape(1, 1, 1, -1)


def normalized(x: Maps, norms, sizes: Sequence[int], train: bool) -> Maps:
  """BN of layers that have it, in the dtype of x; x of others.

  Args:
    x: `[batch, height, width, sum of sizes]`.
    norms: the BN of each layer, or None for all.
    sizes: the features of each layer.
  """
  if norms[0] is None:
    return x
  if len(norms) == 1:
    return norms[0](x, train=train)
  if all(isinstance(norm, BatchNorm) for norm in norms):
    return normalized_side_by_side(norms, x, train, sizes)
  parts = zip(norms, split(x, sizes))
  return joined([norm(part, train=train) for norm, part in parts])


class Weights(nn.Module):
  """The parameters of a convolution, float32: `kernel`, and `bias` if it has one.

  `shape` is height, width, inputs and features of the kernel; a bias is `[features]`.
  """

  shape: tuple[int, int, int, int]
  has_bias: bool
  initial: Callable

  def setup(self):
    self.kernel = self.param('kernel', self.initial, self.shape)
    if self.has_bias:
      self.bias = self.param('bias', nn.initializers.zeros, self.shape[-1:])


def separable_kernel(
  depthwise: Float[ArrayLike, 'height width 1 filters'],
  pointwise: Float[ArrayLike, '1 1 filters features'],
  inputs: int,
) -> Float[Array, 'height width {inputs} features']:
  """The kernel of the full convolution that equals a separable one.

  With nothing between its halves, figure 5's first convolution is one linear map. XLA's
  CPU back end takes 10 to 35 times as long for the two halves and their gradients, and
  keeps what is between them (the log of results/benchmarks).

  `depthwise` has the filters of the first input, then those of the second, ...
  """
  height, width, _, filters = depthwise.shape
  multiplier = filters // inputs
  return jnp.einsum(
    'hwcm,cmf->hwcf',
    depthwise.reshape(height, width, inputs, multiplier),
    pointwise.reshape(inputs, multiplier, -1),
    precision='highest',
  )


def initial_weights(weight_variance: float, weight_std: float = 0.0) -> Callable:
  """Truncated normal weights of variance `weight_variance` / fan-in.

  He et al. (2015) take 2. With a `weight_std` above 0, normal weights of that standard
  deviation instead.
  """
  if weight_std:
    return nn.initializers.normal(weight_std)
  return nn.initializers.variance_scaling(weight_variance, 'fan_in', 'truncated_normal')


class Dropout(nn.Module):
  """Drops a share of the values in training, and scales the others up (section 4.2.1).

  The share may be traced, which `nn.Dropout` does not allow: runs that differ in it
  share one compiled program.
  """

  rate: Float[ArrayLike, ''] | float

  def __call__(
    self, x: Float[ArrayLike, 'batch ...'], *, train: bool
  ) -> Float[Array, 'batch ...']:
    """x, in inference. In training it draws from the random stream 'dropout'."""
    if not train:
      return x
    kept = 1 - jnp.asarray(self.rate, jnp.float32)
    is_kept = jax.random.bernoulli(self.make_rng('dropout'), kept, x.shape)
    return jnp.where(is_kept, x / kept.astype(x.dtype), 0)


class LocalResponseNormalization(nn.Module):
  """y = x / (1 + alpha * sum of x^2 over 5 channels)^(3/4) (Krizhevsky et al., 2012).

  The constants are GoogLeNet's. Its alpha is 1e-4, as Caffe divides the sum by 5; this
  form does not, and alpha is 2e-5.
  """

  radius: int = 2
  alpha: float = 2e-5

  def __call__(
    self, x: Float[ArrayLike, '*places channels'], *, train: bool = False
  ) -> Float[Array, '*places channels']:
    """x, normalized over neighbouring channels, in its dtype."""
    wide = x.astype(statistics_dtype(x))
    # A product with a band of ones: four times as fast on the CPU as adding slices.
    channels = np.arange(x.shape[-1])
    is_near = np.abs(channels[:, None] - channels) <= self.radius
    around = jnp.matmul(wide * wide, is_near.astype(wide.dtype))
    # s^(-3/4), without the power function.
    inverse = jax.lax.rsqrt(1 + self.alpha * around)
    return (wide * inverse * jnp.sqrt(inverse)).astype(x.dtype)
