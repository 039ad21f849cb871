"""The fields of a config: fields.toml holds them, with type and limits of each.

A field that no code reads is refused: most likely its name is misspelt.
Imports no JAX.
"""

import difflib
import functools
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bn_repro.run import field_kinds
from bn_repro.run.errors import UserError, shown
from bn_repro.run.field_kinds import Field, is_of_kind

NETWORKS = ('mlp', 'inception')  # the values of `model.name`
_WITH_ARGUMENTS = ('whole', 'number', 'above_0', 'one_of', 'some_of')


@functools.cache
def of_network(network: str) -> dict[str, Field]:
  """The fields of the configs of one of `NETWORKS`, by dotted name."""
  import tomllib  # late: --help needs no field

  table = tomllib.loads(Path(__file__).with_suffix('.toml').read_text())
  entries = table['common'] | table[network]
  return {name: _field(entry) for name, entry in entries.items()}


def _field(entry: str | dict[str, Any]) -> Field:
  """The field of 'share', of {'kind': 'share', ...} or of {'whole': [1, 9], ...}."""
  if isinstance(entry, str):
    return field_kinds.KINDS[entry]
  entry = dict(entry)
  for name in _WITH_ARGUMENTS:
    if name in entry:
      values = entry.pop(name)
      values = values if isinstance(values, list) else [values]
      return getattr(field_kinds, name)(*values)._replace(**entry)
  return field_kinds.KINDS[entry.pop('kind')]._replace(**entry)


@functools.cache
def defaults() -> dict[str, Any]:
  """The values that the code takes for fields that a config lacks."""
  fields = [item for network in NETWORKS for item in of_network(network).items()]
  return {name: field.default for name, field in fields if field.default is not None}


def check(values: Mapping[str, Any]) -> None:
  """Raises UserError unless a flat config has its network's fields, within limits."""
  network = values.get('model.name')
  if network not in NETWORKS:
    raise UserError(
      f'config.model.name={shown(network)} is not one of {", ".join(NETWORKS)}'
    )
  fields = of_network(network)
  _check_names(values, network)
  for name, value in values.items():
    if not is_of_kind(fields[name].kind, value):
      raise UserError(f'config.{name}={shown(value)} is not {fields[name].kind}')
  # In this order: the limits by others take the others to be right.
  limits = ((n, fields[n].allowed, fields[n].holds(v)) for n, v in values.items())
  for field, allowed, is_allowed in itertools.chain(limits, _limits_by_others(values)):
    if not is_allowed:
      raise UserError(f'config.{field}={shown(values[field])} is not {allowed}')
  parts = (defaults() | values)['gradient_accumulation']
  if values['batch_size'] % parts:
    raise UserError(
      f'config.batch_size={values["batch_size"]} cannot be taken in '
      f'config.gradient_accumulation={parts} equal parts; choose a divisor'
    )


def _check_names(values: Mapping[str, Any], network: str) -> None:
  fields = of_network(network)
  if unknown := [name for name in values if name not in fields]:
    name = unknown[0]
    close = difflib.get_close_matches(name[:100], fields, n=3, cutoff=0.5)
    hint = f'did you mean {" or ".join(close)}?' if close else 'remove it'
    raise UserError(f'a config of {network!r} has no field {shown(name)}; {hint}')
  groups = {fields[name].group for name in values} - {''}
  for name, field in fields.items():
    if name not in values and (not field.is_optional or field.group in groups):
      raise UserError(
        f'the config lacks {name!r} ({field.kind}), which {network!r} needs'
      )


def _limits_by_others(values: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
  """(field, what is allowed, whether it holds) of limits that other fields set."""
  if values['model.batch_norm']:
    text = 'at least 2 with batch normalization'
    yield 'batch_size', text, values['batch_size'] >= 2
  if 'tracked_unit' in values:
    is_unit = 0 <= values['tracked_unit'] < values['model.hidden_sizes'][-1]
    yield 'tracked_unit', 'a unit of the last hidden layer', is_unit
  if 'variant.normalizer' in values:
    yield from _limits_of_variant(values)


def _limits_of_variant(values: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
  """Fields of a variant of section 4.1's network that would have no effect."""
  kind = values['variant.normalizer']
  if not values['model.batch_norm']:
    for name, only in (('normalizer', 'batch_norm'), ('placement', 'before'),
                       ('gamma_and_beta', True), ('bias', False)):  # fmt: skip
      field = f'variant.{name}'
      yield field, f'{only} without batch normalization', values[field] == only
  elif kind not in ('batch_norm', 'whitening'):
    allowed = f'False with {kind}'
    yield 'variant.gamma_and_beta', allowed, not values['variant.gamma_and_beta']
