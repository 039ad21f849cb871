"""The fully connected sigmoid network of section 4.1.

Does not know how its input was made, nor how it is trained.
"""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax

# Where `MLP` sows the inputs of its sigmoids, one entry for each hidden layer.
SIGMOID_INPUTS = 'sigmoid_inputs'


class MLP(nn.Module):
  """Hidden layers z = g(BN(Wu)) or z = g(Wu + b), g the sigmoid, then a softmax.

  The normalized network has no bias under BN, beta takes its role (section
  3.2). Both networks draw the same weights from the same seed.

  Attributes:
    hidden_sizes: units of each hidden layer; (100, 100, 100) in the paper.
    num_classes: width of the output layer, which is not normalized.
    init_std: standard deviation of the Gaussian that weights start from.
    batch_norm: makes a BN layer, given its name; None builds the plain network.
  """

  hidden_sizes: tuple[int, ...]
  num_classes: int
  init_std: float
  batch_norm: Callable[..., nn.Module] | None = None

  @nn.compact
  def __call__(self, images: jax.Array, *, train: bool) -> jax.Array:
    """Logits `[batch, num_classes]` of images `[batch, ...]`, both float.

    With the collection `sigmoid_inputs` mutable, the `[batch, units]` input of
    every sigmoid is stored there, as sigmoid_1, sigmoid_2, ...
    """
    weights = nn.initializers.normal(self.init_std)
    x = images.reshape(images.shape[0], -1)
    for i, size in enumerate(self.hidden_sizes, start=1):
      x = nn.Dense(
        size, self.batch_norm is None, kernel_init=weights, name=f'hidden_{i}'
      )(x)
      if self.batch_norm is not None:
        x = self.batch_norm(name=f'batch_norm_{i}')(x, train=train)
      self.sow(SIGMOID_INPUTS, f'sigmoid_{i}', x)
      x = nn.sigmoid(x)
    return nn.Dense(self.num_classes, kernel_init=weights, name='logits')(x)


def sigmoid_inputs(sown: Mapping[str, Any]) -> list[jax.Array]:
  """What `MLP` has sown, `[batch, units]` for each hidden layer, the first one first.

  Empty for a network that sows nothing.
  """
  layers = sown.get(SIGMOID_INPUTS, {})
  return [layers[f'sigmoid_{i}'][0] for i in range(1, len(layers) + 1)]
