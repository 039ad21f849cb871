"""Collectives over a named axis of devices, under `pmap`, `vmap` and `shard_map`.

`pmap` and `shard_map(check_vma=False)` take JAX's collectives as they are. `vmap` knows
no groups of devices, and neither does `shard_map` by default. The latter also types
each array by the axes along which devices may hold different values: an array that is
the same on all devices must have that type, and a gradient the type of its argument.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

AxisName = str | tuple[str, ...]
Groups = tuple[tuple[int, ...], ...] | None


def gather(x: jax.Array, axis_name: AxisName, groups: Groups = None) -> jax.Array:
  """x of every device in this device's group, `[devices, ...]`, in one collective.

  Without groups, `shard_map` types the result as the same on all devices.
  """
  if _is_native(axis_name, groups):
    return lax.all_gather(x, axis_name, axis_index_groups=groups)
  devices = jnp.arange(lax.axis_size(axis_name), dtype=jnp.int32)
  is_own = (devices == lax.axis_index(axis_name)).reshape(-1, *(1,) * x.ndim)
  everywhere = _sum(jnp.where(is_own, x[None], 0), axis_name)
  if groups is None:
    return everywhere
  return everywhere[_members(axis_name, groups)]


def own_group(axis_name: AxisName | None, groups: Groups) -> jax.Array | None:
  """The group of this device, `[groups]` bool, if `total` needs it; else None.

  Called in the forward pass: in the backward pass of a `vmap` JAX no longer knows the
  length of the axis.
  """
  if groups is None or _is_native(axis_name, groups):
    return None
  device = lax.axis_index(axis_name)
  return jnp.any(jnp.array(groups, jnp.int32) == device[None, None], axis=1)


def total(
  x: jax.Array, axis_name: AxisName, groups: Groups, own: jax.Array | None
) -> jax.Array:
  """The sum of x over the device's group, in one collective; `own`: of `own_group`."""
  if own is None and groups is not None:
    return lax.psum(x, axis_name, axis_index_groups=groups)
  if own is None:
    return _sum(x, axis_name)
  is_own = own.reshape(-1, *(1,) * x.ndim)
  sums = _sum(jnp.where(is_own, x[None], 0), axis_name)  # one for each group
  return jnp.sum(jnp.where(is_own, sums, 0), axis=0)


def gradient_like(
  own: jax.Array,
  summed: jax.Array,
  argument: jax.Array,
  axis_name: AxisName | None,
  groups: Groups,
) -> jax.Array:
  """A device's gradient, summed over the devices that share the argument.

  Where JAX does not type arrays by their axes (`pmap`, `vmap`, `check_vma=False`), each
  device keeps its own gradient, and the caller sums. Where it does, the gradient by an
  argument that is the same on all devices must be the sum, as in JAX's own rules.

  Args:
    own: the gradient of this device's outputs.
    summed: its `total`, which saves a collective where it is the sum; or `own` again.
    argument: what the gradient is by.
  """
  if axis_name and groups is None and is_shared(argument, own, axis_name):
    own = summed
  shared = varying(own) - varying(argument)
  return lax.psum(own, tuple(shared)) if shared else own


def is_shared(argument: jax.Array, own: jax.Array, axis_name: AxisName | None) -> bool:
  """Whether the argument is known to be one for all devices, where `own` is not.

  Only `shard_map` that types arrays by their axes knows it. Elsewhere each device may
  have an argument of its own, unless there is no axis.
  """
  return {*_names(axis_name)} <= varying(own) - varying(argument)


def varying(x: jax.Array) -> frozenset[str]:
  """The axes along which x may differ, as `shard_map` types it; else none."""
  aval = jax.typeof(x)
  return aval.mat.varying if hasattr(aval, 'mat') else aval.vma  # jax 0.8 to 0.9


def with_automatic_axes(
  function: Callable[..., Any], x: jax.Array, *others: Any
) -> tuple[jax.Array, Any]:
  """`function(x, *others)`, with XLA deciding the sharding within it.

  On a mesh of explicit axes JAX refuses operations whose sharding it cannot derive,
  such as splitting a sharded axis into groups. Elsewhere it is a plain call.

  `function` returns an array shaped like x, which gets the sharding of x, and a tree of
  other arrays, which are whole on every device. `others` are arrays or None.
  """
  sharding = jax.typeof(x).sharding
  kinds = dict(zip(sharding.mesh.axis_names, sharding.mesh.axis_types))
  explicit = tuple(axis for axis, kind in kinds.items() if kind == AxisType.Explicit)
  if not explicit:
    return function(x, *others)
  whole = NamedSharding(sharding.mesh, PartitionSpec())
  automatic = jax.sharding.auto_axes(
    function, axes=explicit, out_sharding=(sharding, whole)
  )
  return automatic(x, *others)


def _sum(x: jax.Array, axis_name: AxisName) -> jax.Array:
  """`psum`, which does not take axes along which x differs together with others."""
  differs = varying(x)
  for is_along in (differs.__contains__, lambda name: name not in differs):
    axes = tuple(filter(is_along, _names(axis_name)))
    x = lax.psum(x, axes) if axes else x
  return x


def _is_native(axis_name: AxisName, groups: Groups) -> bool:
  """Whether JAX's own all-gather takes the axis and the groups."""
  if varying(lax.axis_index(axis_name)):
    return False
  by_devices = {*_names(axis_name)} <= {*jax.sharding.get_abstract_mesh().manual_axes}
  return by_devices or (groups is None and len(_names(axis_name)) == 1)


def _members(axis_name: AxisName, groups: Groups) -> jax.Array:
  """The devices of this device's group, `[devices of a group]`."""
  by_device = {device: group for group in groups for device in group}
  table = jnp.array([by_device[device] for device in sorted(by_device)], jnp.int32)
  return table[lax.axis_index(axis_name)]


def _names(axis_name: AxisName | None) -> tuple[str, ...]:
  if axis_name is None:
    return ()
  return axis_name if isinstance(axis_name, tuple) else (axis_name,)
