"""Checks what `BatchNorm` is given; one line says what is wrong and what is allowed."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bn_repro.batch_norm.device_axes import AxisName, Groups
from bn_repro.run.errors import UserError


class Attributes(NamedTuple):
  """Attributes of a `BatchNorm`, checked, with numbers and groups in one form."""

  decay: Any  # a float, or traced
  epsilon: float
  axis_index_groups: Groups


def check_call(x: jax.Array, mask: jax.Array | None, train: Any) -> None:
  """Raises a UserError for an x, a mask or a `train` that the layer cannot take."""
  if isinstance(train, jax.core.Tracer):
    raise UserError(
      'train is traced; it must be True or False when the program is traced: name it '
      "in jax.jit's static_argnames, or in static_argnums of nn.remat"
    )
  if np.ndim(train) or np.asarray(train).dtype != bool:
    given = f'of shape {np.shape(train)}' if np.ndim(train) else repr(train)
    raise UserError(f'train is {given}; it must be True or False; mask comes after it')
  if not jnp.issubdtype(x.dtype, jnp.floating):
    raise UserError(
      f'x is {x.dtype}; batch normalization takes floating-point values: '
      'x.astype(jnp.float32) before the layer'
    )
  if x.ndim < 2:
    raise UserError(
      f'x has shape {x.shape}; batch normalization takes [batch, ..., features], two '
      'axes or more: add the one that is missing, as x[None] or x[:, None] does'
    )
  if 0 in x.shape[1:]:
    raise UserError(f'x has shape {x.shape}; it must have values for each example')
  if mask is not None:
    _check_mask(mask, x)


def _check_mask(mask, x):
  """A mask is of examples, or of positions in sequences `[batch, length, features]`.

  Padded sequences need the latter. A mask of the pixels of images is probably a
  mistake, as their moments are of all locations (section 3.2).
  """
  shapes = [x.shape[:1], x.shape[:-1]] if x.ndim == 3 else [x.shape[:1]]
  allowed = f'{x.shape[:1]}, an example each'
  if x.ndim == 3:
    allowed += f', or {x.shape[:-1]}, a position each'
  there = f'mask is {mask.dtype} of shape {mask.shape} for x of shape {x.shape}'
  if mask.shape not in shapes:
    raise UserError(f'{there}; it must be of shape {allowed}')
  if mask.dtype != bool:
    raise UserError(f'{there}; it must be bool, True where x counts, not weights')


def check_statistics(stored: tuple[int, ...], needed: tuple[int, ...]) -> None:
  """Raises a UserError where `batch_stats` have another shape than x needs."""
  if stored != needed:
    raise UserError(
      f'batch_stats are of shape {stored} and x needs {needed}: they were made for '
      'another x, or with another per_activation'
    )


def check_attributes(layer: nn.Module) -> Attributes:
  """Raises a UserError for an attribute that is not as `BatchNorm` describes it."""
  _check_group_size(layer.group_size)
  _check_axis_name(layer.axis_name)
  groups = _groups(layer.axis_index_groups, layer.axis_name)
  decay = _number('decay', layer.decay, lambda v: 0 <= v <= 1, '0 to 1')
  if isinstance(layer.epsilon, jax.core.Tracer):
    raise UserError('epsilon is traced; it must be a number: float(epsilon)')
  is_epsilon = lambda v: 0 < v < math.inf
  epsilon = _number('epsilon', layer.epsilon, is_epsilon, 'a finite number above 0')
  return Attributes(decay, epsilon, groups)


def _number(name: str, value: Any, is_allowed: Callable[[float], bool], allowed: str):
  if isinstance(value, jax.core.Tracer):
    return value
  dtype = np.asarray(value).dtype
  is_number = np.ndim(value) == 0 and dtype.kind in 'iuf'
  if not is_number or not is_allowed(float(value)):
    raise UserError(f'{name}={value!r} of BatchNorm must be {allowed}')
  return float(value)


def _check_group_size(group_size: Any) -> None:
  is_whole = isinstance(group_size, (int, np.integer)) and group_size is not True
  if group_size is not None and not (is_whole and group_size >= 1):
    raise UserError(
      f'group_size={group_size!r} of BatchNorm must be a number of examples, 1 or '
      'more, or None for the whole batch'
    )


def _check_axis_name(axis_name: Any) -> None:
  names = axis_name if isinstance(axis_name, tuple) else (axis_name,)
  is_name = all(isinstance(name, str) and name for name in names)
  if axis_name is not None and not (names and is_name):
    raise UserError(
      f'axis_name={axis_name!r} of BatchNorm must be the name of a device axis, a '
      'tuple of names, or None to normalize per device'
    )


def number_of_groups(
  group_size: int | None, batch: int, axis_name: AxisName | None
) -> int:
  """Number of ghost batches, 1 in an empty batch; a UserError if it is not whole."""
  if group_size is None:
    return 1
  if axis_name is not None:
    raise UserError(
      f'group_size={group_size} normalizes within a device and axis_name='
      f'{axis_name!r} over several: set one of them'
    )
  if batch % group_size:
    raise UserError(
      f'a batch of {batch} is not a whole number of groups of {group_size}'
    )
  return max(batch // group_size, 1)


def _groups(value: Any, axis_name: AxisName | None) -> Groups:
  """`axis_index_groups` as tuples of one size."""
  if value is None:
    return None
  if axis_name is None:
    raise UserError('axis_index_groups make groups along axis_name, which is not set')
  try:
    groups = tuple(tuple(map(int, group)) for group in value)
  except (TypeError, ValueError):
    raise UserError(
      f'axis_index_groups={value!r} must be tuples of devices, as ((0, 1), (2, 3))'
    ) from None
  if len({*map(len, groups)}) != 1:
    raise UserError(
      f'axis_index_groups have {[*map(len, groups)]} devices; all groups must have the '
      'same number'
    )
  return groups


def check_number_of_values(
  size: int, axis_name: AxisName | None, groups: Groups
) -> None:
  """Raises a UserError where `size` values of a feature on each device are too few.

  Also where there is no such axis, or a device is not in exactly one group.
  """
  devices = 1 if axis_name is None else _group_size(axis_name, groups)
  if size * devices < 2:
    raise UserError(
      'batch normalization in training needs m > 1 values for each feature '
      '(section 3.1); use a larger batch or group'
    )


def _group_size(axis_name, groups):
  try:
    devices = lax.axis_size(axis_name)
  except NameError:
    raise UserError(
      f'axis_name={axis_name!r} is no axis of a pmap, vmap or shard_map around this '
      'call; under jit alone leave it None: there a batch is whole, however it lies '
      'on devices'
    ) from None
  if groups is None:
    return devices
  if Counter(device for group in groups for device in group) != Counter(range(devices)):
    raise UserError(
      f'axis_index_groups={groups} must hold each of the {devices} devices along '
      f'axis_name={axis_name!r} once, 0 to {devices - 1}'
    )
  return len(groups[0])
