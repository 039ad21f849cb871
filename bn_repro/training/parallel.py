"""How work is spread over devices and processes: the only file that knows.

The engine is `jax.pmap` with a named axis over all devices of all processes.
State goes in and comes out without a replica axis; each device gets its share
of every mini-batch, each process reads the share of its own devices. Does not
know what a step computes.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import lax

from bn_repro.run import devices as devices_lib
from bn_repro.run.collectives import AXIS
from bn_repro.run.errors import UserError


def choose_devices(num_devices: int, batch_size: int) -> list[jax.Device]:
  """The first `num_devices` of all processes, or all of them if it is 0."""
  available = devices_lib.start()
  if num_devices > len(available):
    raise UserError(
      f'config.num_devices={num_devices}, but there are {len(available)} '
      f'({available[0].platform}); use that many or 0 for all'
    )
  chosen = available[: num_devices or len(available)]
  if jax.process_count() > 1 and len(chosen) < len(available):
    raise UserError(
      f'config.num_devices={num_devices} leaves out some of the {len(available)} '
      f'devices of {jax.process_count()} processes; use 0 for all'
    )
  if batch_size % len(chosen):
    raise UserError(
      f'config.batch_size={batch_size} cannot be split over {len(chosen)} '
      'devices; set config.num_devices to a divisor, or, in another --workdir if the '
      'run has begun, config.batch_size to a multiple'
    )
  return chosen


def axis_name(devices: list[jax.Device]) -> str | None:
  """The name of the device axis inside a step; None on one device."""
  return AXIS if len(devices) > 1 else None


def normalization_groups(
  group: int, batch_size: int, num_devices: int
) -> dict[str, Any]:
  """The attributes of `BatchNorm` that make it normalize groups of examples.

  Ghost batches where a device holds several groups, nothing where it holds one, groups
  of devices where it holds a part.

  Args:
    group: examples that share mini-batch statistics; 0 for the whole mini-batch.
    batch_size: of what is normalized at a time, over all devices.
    num_devices: that hold it in equal shares.
  """
  group, share = group or batch_size, batch_size // num_devices
  if batch_size % group or (share % group and group % share):
    raise UserError(
      f'config.model.normalization_group={group} does not divide {batch_size} '
      f'examples on {num_devices} device(s), {share} on each, evenly; choose another '
      'config.num_devices, or, in another --workdir if the run has begun, a divisor of '
      'both, or 0 for the whole mini-batch'
    )
  if group < share:
    return {'group_size': group}
  if group == share:
    return {}
  together = group // share
  if together == num_devices:
    return {'axis_name': AXIS}
  groups = np.arange(num_devices).reshape(-1, together).tolist()
  return {'axis_name': AXIS, 'axis_index_groups': tuple(map(tuple, groups))}


def replicate(tree: Any, devices: list[jax.Device]) -> Any:
  """Puts a tree of arrays on every device, once, for `spread`."""
  if not jax.tree.leaves(tree):  # which `pmap` of several processes does not return
    return tree
  if len(devices) == 1:
    return jax.device_put(tree, devices[0])
  copy = jax.pmap(lambda _, leaves: leaves, in_axes=(0, None), devices=devices)
  return copy(np.arange(_number_here(devices)), tree)


def on_one(tree: Any, devices: list[jax.Device]) -> Any:
  """Puts the tree on the device if there is only one; `pmap` copies it to several.

  Otherwise a program would copy host arrays at each call, and be compiled once more
  for its own outputs, which are on the device.
  """
  return jax.device_put(tree, devices[0]) if len(devices) == 1 else tree


def _number_here(devices: list[jax.Device]) -> int:
  return sum(device.process_index == jax.process_index() for device in devices)


def spread(step: Callable, devices: list[jax.Device]) -> Callable:
  """Compiles many steps as one program.

  `step` is (state, on_devices, inputs, of_step) -> state, metrics. The returned
  function takes a state, which it consumes, a tree that is `replicate`d, a tree of
  `[steps, batch, ...]` inputs (the share of this process) and a tree of `[steps]`. It
  takes all the steps in one compiled program, and returns the state and the metrics of
  each step.
  """

  def steps(state, on_devices, inputs, of_steps):
    each = inputs, of_steps
    if len(jax.tree.leaves(of_steps)[0]) == 1:
      # Not by `scan`, inside of which XLA's CPU back end uses one core only.
      only = jax.tree.map(lambda leaf: leaf[0], each)
      state, metrics = step(state, on_devices, *only)
      return state, jax.tree.map(lambda leaf: leaf[None], metrics)
    take = lambda carried, of_step: step(carried, on_devices, *of_step)
    return lax.scan(take, state, each)

  if len(devices) == 1:
    return jax.jit(steps, donate_argnums=0)
  over_devices = jax.pmap(
    steps, AXIS, in_axes=(None, 0, 0, None), out_axes=None, devices=devices
  )
  number = _number_here(devices)
  return lambda state, on_devices, inputs, of_steps: over_devices(
    state, on_devices, _split(inputs, number, axis=1), of_steps
  )


def spread_examples(function: Callable, devices: list[jax.Device]) -> Callable:
  """Compiles what is computed for each example by itself.

  `function` is (state, examples, inputs) -> a tree of `[batch, ...]`. The returned
  function takes a state, `replicate`d examples and a tree of `[batch, ...]` inputs (the
  share of this process), and returns the tree for the examples of all processes, in
  order, as NumPy arrays.
  """
  if len(devices) == 1:
    compiled = jax.jit(function)
    return lambda *arguments: jax.device_get(compiled(*arguments))

  def gathered(state, examples, inputs):
    outputs = function(state, examples, inputs)
    return lax.all_gather(outputs, AXIS, tiled=True)

  over_devices = jax.pmap(
    gathered, AXIS, in_axes=(None, 0, 0), out_axes=None, devices=devices
  )
  number = _number_here(devices)
  return lambda state, examples, inputs: jax.device_get(
    over_devices(state, examples, _split(inputs, number, axis=0))
  )


def _split(tree: Any, shards: int, axis: int) -> Any:
  """Splits an axis over a new leading one, of shards."""

  def split(leaf):
    parts = leaf.reshape(*leaf.shape[:axis], shards, -1, *leaf.shape[axis + 1 :])
    return np.moveaxis(parts, axis, 0)

  return jax.tree.map(split, tree)


def mean(tree: Any, axis: str | None) -> Any:
  """The mean of a tree over the device axis; the tree itself on one device."""
  return tree if axis is None else lax.pmean(tree, axis)
