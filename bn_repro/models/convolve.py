"""One convolution, by the operations that XLA's CPU back end is fastest at.

They were chosen inside a step of BN-x5 at 64 pixels (the log of results/benchmarks):
XLA hands a convolution by itself to another library. Every form is exact up to
rounding. Does not know what a layer is.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Images = Float[Array, 'batch height width channels']
Kernel = Float[Array, 'kernel_height kernel_width channels features']
Maps = Float[Array, 'batch map_height map_width features']

# Input positions times output positions. Up to this many, few weights of one dense
# product are always 0; for 3x3 on 2x2 maps none is.
MOST_PAIRS = 64


def convolve(x: Images, kernel: Kernel, stride: int = 1) -> Maps:
  """A convolution of figure 5, padded as TensorFlow's SAME, in the dtype of x."""
  if kernel.shape[:2] == (1, 1) and stride == 1:
    return jnp.matmul(x, kernel[0, 0])
  height, width = (-(-size // stride) for size in x.shape[1:3])
  if x.shape[1] * x.shape[2] * height * width <= MOST_PAIRS:
    return _as_product(x, kernel, stride)
  return jax.lax.conv_general_dilated(
    x, kernel, (stride, stride), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )


def _as_product(x: Images, kernel: Kernel, stride: int) -> Maps:
  """As one product with a matrix of every input position by every output position."""
  batch, height, width, channels = x.shape
  rows, columns = (
    _starts(size, span, stride)
    for size, span in zip((height, width), kernel.shape[:2])
  )  # fmt: skip
  # The kernel where each output sees it; what lies outside of the input is cut off.
  zero = jnp.zeros((), kernel.dtype)
  kernels = [
    jax.lax.pad(kernel, zero, (
      (row, height - row - kernel.shape[0], 0),
      (column, width - column - kernel.shape[1], 0), (0, 0, 0), (0, 0, 0),
    ))
    for row in rows for column in columns
  ]  # fmt: skip
  matrix = jnp.concatenate(kernels, axis=-1).reshape(height * width * channels, -1)
  products = jnp.matmul(x.reshape(batch, -1), matrix)
  return products.reshape(batch, len(rows), len(columns), -1)


def _starts(size: int, span: int, stride: int) -> list[int]:
  """Where each window begins along one side; below 0 in the padding."""
  windows = -(-size // stride)
  missing = max((windows - 1) * stride + span - size, 0)
  return [i * stride - missing // 2 for i in range(windows)]
