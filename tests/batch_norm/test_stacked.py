"""The layer under `nn.remat` and `nn.scan`: nothing changes but where it lies."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from batch_norm.test_engines import apply, make_problem, outcome
from batch_norm.test_transform import assert_close
from bn_repro.batch_norm.layer import BatchNorm


class Block(nn.Module):
  """A layer that can be stacked: x, and what scan wants besides."""

  @nn.compact
  def __call__(self, x, train, mask=None):
    dense = nn.Dense(x.shape[-1], param_dtype=x.dtype)
    return nn.tanh(BatchNorm()(dense(x), train, mask)), None


class Stacked(nn.Module):
  """Three of them, one after another or by `nn.scan`, in `nn.remat` or not."""

  scan: bool
  remat: bool

  @nn.compact
  def __call__(self, x, train, mask=None):
    block = nn.remat(Block, static_argnums=(2,)) if self.remat else Block
    if not self.scan:
      for i in range(3):
        x, _ = block(name=f'block_{i}')(x, train, mask)
      return x
    block = nn.scan(
      block, {'params': 0, 'batch_stats': 0}, split_rngs={'params': True}, length=3,
      in_axes=(nn.broadcast, nn.broadcast),
    )  # fmt: skip
    return block(name='blocks')(x, train, mask)[0]


def outcome_of_network(network, variables, x, dy, mask):
  """y, `batch_stats`, and gradients of a training step."""

  def call(params, x, mask):
    of = {**variables, 'params': params}
    y, new = network.apply(of, x, True, mask, mutable=['batch_stats'])
    return y, new['batch_stats']

  return outcome(call, variables['params'], x, dy, mask)


@pytest.mark.parametrize('scan', [False, True], ids=['one by one', 'scan'])
@pytest.mark.parametrize('remat', [False, True], ids=['kept', 'remat'])
def test_remat_and_scan_change_nothing(float64, scan, remat):
  """Of stacked layers the statistics lie along the scanned axis."""
  _, x, dy, mask = make_problem()
  plain, network = Stacked(False, False), Stacked(scan, remat)
  variables = jax.device_get(plain.init(jax.random.key(0), x, False))
  stack = lambda of: {'blocks': jax.tree.map(lambda *a: np.stack(a), *of.values())}
  arrange = stack if scan else lambda of: of
  y, stats, (d_params, d_x) = outcome_of_network(plain, variables, x, dy, mask)
  arranged = {kind: arrange(of) for kind, of in variables.items()}
  got = outcome_of_network(network, arranged, x, dy, mask)
  assert_close(got, (y, arrange(stats), (arrange(d_params), d_x)))


def test_the_layer_itself_can_be_made_again_in_the_backward_pass(float64):
  """`nn.remat(BatchNorm)`: `train` is its second argument."""
  params, x, dy, mask = make_problem()
  again = nn.remat(BatchNorm, static_argnums=(2,))()
  stats = {'mean': jnp.zeros(4), 'var': jnp.ones(4)}
  variables = {'params': params, 'batch_stats': stats}
  expected = outcome(functools.partial(apply, BatchNorm()), params, x, dy, mask)
  assert_close(outcome_of_network(again, variables, x, dy, mask), expected)
