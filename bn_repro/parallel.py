"""How training steps are spread over devices: the only file that knows.

The engine is `jax.pmap` with a named axis. State goes in and comes out without
a replica axis; each device gets its share of every mini-batch. Does not know
what a step computes.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bn_repro.errors import UserError

AXIS = 'devices'


def choose_devices(num_devices: int, batch_size: int) -> list[jax.Device]:
  """The first `num_devices` of this machine, or all of them if it is 0.

  Raises:
    UserError: there are fewer, or a mini-batch cannot be split over them.
  """
  available = jax.devices()
  if num_devices > len(available):
    raise UserError(
      f'config.num_devices={num_devices}, but there are {len(available)} '
      f'({available[0].platform}); use that many or 0 for all'
    )
  chosen = available[: num_devices or len(available)]
  if batch_size % len(chosen):
    raise UserError(
      f'config.batch_size={batch_size} cannot be split over {len(chosen)} '
      'devices; choose a multiple, or set config.num_devices'
    )
  return chosen


def axis_name(devices: list[jax.Device]) -> str | None:
  """The name of the device axis inside a step; None on one device."""
  return AXIS if len(devices) > 1 else None


def replicate(tree: Any, devices: list[jax.Device]) -> Any:
  """Puts a tree of arrays on every device, once, for `spread`."""
  if len(devices) == 1:
    return jax.device_put(tree, devices[0])
  copy = jax.pmap(lambda _, leaves: leaves, in_axes=(0, None), devices=devices)
  return copy(np.arange(len(devices)), tree)


def spread(step: Callable, devices: list[jax.Device]) -> Callable:
  """Compiles many steps as one program.

  Args:
    step: (state, examples, inputs, is_last) -> state, metrics; `is_last` is
      true in the last step of a call, for what need not be measured in each.
    devices: where to run.

  Returns:
    A function of a state, of `replicate`d examples and of `[steps, batch, ...]`
    inputs that takes all the steps in one compiled program and returns the
    state and the metrics of each step. It consumes the state it is given.
  """

  def steps(state, examples, inputs):
    is_last = jnp.arange(len(inputs)) == len(inputs) - 1
    take = lambda carried, of_step: step(carried, examples, *of_step)
    return lax.scan(take, state, (inputs, is_last))

  if len(devices) == 1:
    return jax.jit(steps, donate_argnums=0)
  over_devices = jax.pmap(
    steps, AXIS, in_axes=(None, 0, 0), out_axes=None, devices=devices
  )
  return lambda state, examples, inputs: over_devices(
    state, examples, _split(inputs, len(devices))
  )


def _split(inputs: np.ndarray, shards: int) -> np.ndarray:
  """`[steps, batch, ...]` as `[shards, steps, batch / shards, ...]`."""
  steps, batch, *rest = inputs.shape
  parts = inputs.reshape(steps, shards, batch // shards, *rest)
  return np.swapaxes(parts, 0, 1)


def mean(tree: Any, axis: str | None) -> Any:
  """The mean of a tree over the device axis; the tree itself on one device."""
  return tree if axis is None else lax.pmean(tree, axis)
