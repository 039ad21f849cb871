"""Algorithm 2, lines 11 and 12, in a whole network: BN folded into the layers before.

With fixed statistics BN is one affine map, y = scale * Wu + shift. Together with the
layer before it, it is a linear layer with a bias: the scale goes into W, the shift
remains. A convolution, whose weights all locations share, cannot take a scale for each
activation (section 4.2.3); there both remain. Does not know how a network was trained.
"""

import functools
from typing import Any

import flax.linen as nn
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from bn_repro.batch_norm.layer import BatchNorm
from bn_repro.batch_norm.transform import affine, statistics_dtype
from bn_repro.run.errors import UserError

_AUXILIARY = 'auxiliary_head'  # for training only


class Affine(nn.Module):
  """What remains of a BN layer: a shift, and a scale where it could not be folded.

  With `per_activation` each activation has a scale and a shift. Otherwise each feature
  has a shift; its scale is in the weights.
  """

  per_activation: bool = False

  @nn.compact
  def __call__(
    self, x: Float[ArrayLike, 'batch *places features'], *, train: bool
  ) -> Float[Array, 'batch *places features']:
    """scale * x + shift, in the dtype of x; `train` changes nothing."""
    shape = x.shape[1:] if self.per_activation else x.shape[-1:]
    wide = x.astype(statistics_dtype(x))
    if self.per_activation:
      wide *= self.param('scale', nn.initializers.ones, shape)[None]
    shift = self.param('shift', nn.initializers.zeros, shape)
    return (wide + shift.reshape(*(1,) * (x.ndim - shift.ndim), *shape)).astype(x.dtype)


def fold(model: nn.Module, params: Any, batch_stats: Any) -> tuple[nn.Module, Any]:
  """The network `model`, of `networks.build`, without BN; inference predicts the same.

  Returns:
    The network and its parameters, float32, computed in float64; they need no other
    collection. A network without BN comes back unchanged.

  Raises:
    UserError: it is a variant whose normalization is not that of section 3.
  """
  kept = {name: p for name, p in params.items() if not name.startswith(_AUXILIARY)}
  if hasattr(model, 'auxiliary_heads'):
    model = model.clone(auxiliary_heads=False)
  check(model)
  if model.batch_norm is None:
    return model, kept
  epsilon = model.batch_norm.keywords['epsilon']
  folded = model.clone(batch_norm=functools.partial(Affine))
  return folded, _fold(kept, batch_stats, epsilon)


def check(model: nn.Module) -> None:
  """Raises UserError for a network that `fold` cannot take."""
  if model.batch_norm is None:
    return
  if model.batch_norm.func is not BatchNorm or _is_variant(model):
    raise UserError(
      'this variant of the network cannot be folded; choose a network with batch '
      'normalization before its nonlinearities and no bias under it'
    )


def _is_variant(model: nn.Module) -> bool:
  """Whether a nonlinearity or a bias stands between the weights and a BN layer."""
  return any(
    getattr(model, name, False) for name in ('is_normalized_after', 'keeps_bias')
  )


def _fold(params: Any, statistics: Any, epsilon: float) -> Any:
  if not isinstance(params, dict):
    return params
  folded = {
    name: _fold(part, statistics.get(name, {}), epsilon)
    for name, part in params.items()
  }
  for name, stored in statistics.items():
    if isinstance(stored, dict) and 'var' in stored:
      scale, shift = affine(params.get(name, {}), stored, epsilon)
      folded[name] = {'shift': shift.astype(np.float32)}
      if scale.ndim > 1:
        folded[name]['scale'] = scale.astype(np.float32)
      else:
        linear = _linear_before(name)
        folded[linear] = {'kernel': _scaled(params[linear]['kernel'], scale)}
  return folded


def _linear_before(name: str) -> str:
  """The name of the layer before a BN layer: in a `Convolution`, or in the `MLP`."""
  return {'batch_norm': 'convolution'}.get(name, name.replace('batch_norm', 'hidden'))


def _scaled(kernel: Any, scale: np.ndarray) -> np.ndarray:
  """A kernel `[..., features]` times a scale `[features]`."""
  return (np.asarray(kernel, np.float64) * scale).astype(np.float32)
