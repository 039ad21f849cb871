"""Layers that share their input, computed as one, are what they are apart."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bn_repro.batch_norm.layer import BatchNorm, side_by_side
from bn_repro.models.inception import InceptionModule, Row
from bn_repro.models.layers import Convolution

ROWS = {
  'averages': Row('x', 3, 2, 4, 3, 5, 'avg', 2),
  'maxima': Row('x', 3, 2, 4, 3, 5, 'max', 2),
  'stride': Row('x', 0, 2, 4, 3, 5, 'max', 0),
}


class OtherNorm(nn.BatchNorm):
  """Flax's, called as ours is: a layer that cannot be joined."""

  def __call__(self, x, *, train):
    return super().__call__(x, use_running_average=not train)


NORMS = {
  'none': None,
  'ours': BatchNorm,
  'in groups': functools.partial(BatchNorm, group_size=2),
  'per activation': functools.partial(BatchNorm, per_activation=True),
  'another': OtherNorm,
}


# Compiled as a whole: by itself each operation compiles.
@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def trained(row, norm, is_joined, x, variables):
  """Output, gradients, and statistics after a step, of a module with random gamma."""
  layer = functools.partial(Convolution, batch_norm=norm)
  module = InceptionModule(row, layer, is_joined)

  def output(params, x):
    return module.apply(
      variables | {'params': params}, x, train=True, mutable=['batch_stats']
    )

  y, pull_back, updated = jax.vjp(output, variables['params'], x, has_aux=True)
  weights = np.random.default_rng(1).normal(size=y.shape).astype('f4')
  return y, pull_back(jnp.asarray(weights)), updated


@pytest.mark.parametrize('norm', NORMS)
@pytest.mark.parametrize('row', ROWS)
def test_a_module_is_what_its_layers_are_apart(row, norm):
  """Maps, every gradient and every statistic; a projection's pooling commutes."""
  x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 6, 6, 7)).astype('f4'))
  layer = functools.partial(Convolution, batch_norm=NORMS[norm])
  module = InceptionModule(ROWS[row], layer)
  variables = jax.jit(functools.partial(module.init, train=False))(jax.random.key(0), x)
  noise = np.random.default_rng(2)
  variables = jax.tree.map(
    lambda leaf: leaf + 0.1 * noise.normal(size=leaf.shape).astype('f4'), variables
  )
  joined, apart = (
    trained(ROWS[row], NORMS[norm], is_joined, x, variables)
    for is_joined in (True, False)
  )
  assert jax.tree.structure(joined) == jax.tree.structure(apart)
  jax.tree.map(
    lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4),
    joined, apart,
  )  # fmt: skip


@pytest.mark.parametrize('train', [True, False])
def test_normalized_side_by_side_is_normalized_apart(train):
  """To the bit: a feature is normalized by itself, whatever lies beside it."""
  x = jnp.asarray(np.random.default_rng(0).normal(3, 2, (8, 5)).astype('f4'))

  class Both(nn.Module):
    is_joined: bool

    @nn.compact
    def __call__(self, x):
      layers, sizes = [BatchNorm(name='a'), BatchNorm(name='b')], (2, 3)
      if self.is_joined:
        return side_by_side(layers, x, train, sizes)
      parts = jnp.split(x, [2], axis=-1)
      return jnp.concatenate([layer(p, train) for layer, p in zip(layers, parts)], -1)

  variables = Both(False).init(jax.random.key(0), x)
  joined, apart = (
    Both(is_joined).apply(variables, x, mutable=['batch_stats'])
    for is_joined in (True, False)
  )
  jax.tree.map(np.testing.assert_array_equal, joined, apart)
