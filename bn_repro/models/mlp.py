"""The fully connected sigmoid network of section 4.1, and its variants."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
from jaxtyping import Array, ArrayLike, Float

from bn_repro.batch_norm.alternatives import with_noise
from bn_repro.models.layers import Dropout

# Where `MLP` sows the inputs of its sigmoids, one entry for each hidden layer.
SIGMOID_INPUTS = 'sigmoid_inputs'
NOISE = 'noise'  # the random stream that `with_noise` draws from


class MLP(nn.Module):
  """Hidden layers z = g(BN(Wu)) or z = g(Wu + b), g the sigmoid, then a softmax.

  Under BN there is no bias, as beta takes its role (section 3.2). Both networks draw
  the same weights from the same seed. The attributes after `batch_norm` make variants.

  Attributes:
    hidden_sizes: units of each hidden layer; (100, 100, 100) in the paper.
    num_classes: width of the output layer, which is not normalized.
    init_std: standard deviation of the initial weights, which are Gaussian.
    batch_norm: makes a normalizing layer, given its name; None builds the plain
      network.
    is_normalized_after: z = BN(g(Wu)) instead, after the nonlinearity.
    keeps_bias: whether there is a bias under the normalization, too.
    dropout: the share of each hidden layer's outputs that is dropped in training, which
      may be traced; None drops nothing.
    has_noise: whether the inputs of sigmoids are `with_noise` in training.
    scale_of_layer_2: a factor on the second hidden layer's initial weights.
  """

  hidden_sizes: tuple[int, ...]
  num_classes: int
  init_std: float
  batch_norm: Callable[..., nn.Module] | None = None
  is_normalized_after: bool = False
  keeps_bias: bool = False
  dropout: Float[ArrayLike, ''] | float | None = None
  has_noise: bool = False
  scale_of_layer_2: float = 1.0

  @nn.compact
  def __call__(
    self, images: Float[ArrayLike, 'batch ...'], *, train: bool
  ) -> Float[Array, 'batch num_classes']:
    """Logits; the inputs of all sigmoids go to `sigmoid_inputs`, if it is mutable.

    There they are `sigmoid_1`, `sigmoid_2`, ..., each `[batch, units]`.
    """
    u = images.reshape(images.shape[0], -1)
    for i, size in enumerate(self.hidden_sizes, start=1):
      u = self._hidden(i, size, u, train)
    return self._linear('logits', self.num_classes, self.init_std, u)

  def _hidden(self, i, size, u, train):
    init_std = self.init_std * (self.scale_of_layer_2 if i == 2 else 1)
    has_bias = self.batch_norm is None or self.keeps_bias
    x = self._linear(f'hidden_{i}', size, init_std, u, has_bias)
    if not self.is_normalized_after:
      x = self._normalized(i, x, train)
    if train and self.has_noise and not self.is_initializing():
      x = with_noise(self.make_rng(NOISE), x)
    self.sow(SIGMOID_INPUTS, f'sigmoid_{i}', x)
    z = nn.sigmoid(x)
    if self.is_normalized_after:
      z = self._normalized(i, z, train)
    return z if self.dropout is None else Dropout(self.dropout)(z, train=train)

  def _linear(self, name, size, init_std, u, has_bias=True):
    weights = nn.initializers.normal(init_std)
    return nn.Dense(size, has_bias, kernel_init=weights, name=name)(u)

  def _normalized(self, i, x, train):
    if self.batch_norm is None:
      return x
    return self.batch_norm(name=f'batch_norm_{i}')(x, train=train)


def sigmoid_inputs(sown: Mapping[str, Any]) -> list[jax.Array]:
  """What `MLP` has sown, `[batch, units]` by hidden layer; empty if nothing is sown."""
  layers = sown.get(SIGMOID_INPUTS, {})
  return [layers[f'sigmoid_{i}'][0] for i in range(1, len(layers) + 1)]
