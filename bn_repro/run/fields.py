"""The fields of a config: fields.toml holds them, with type and limits of each.

A field that no code reads is refused: its name is probably misspelt. Imports no JAX.
"""

import difflib
import functools
import itertools
import operator
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bn_repro.run import durations
from bn_repro.run.errors import UserError, shown

NETWORKS = ('mlp', 'inception')  # the values of `model.name`
WHOLE, NUMBER, BOOL, TEXT = 'a whole number', 'a number', 'true or false', 'text'
WHOLES, NUMBERS = 'whole numbers, such as (100, 100)', 'numbers, such as (0.9, 0.95)'
TEXTS = "texts, such as ('5a', '5b')"
_TYPES = {WHOLE: int, NUMBER: (int, float), BOOL: bool, TEXT: str}
_PARTS = {WHOLES: WHOLE, NUMBERS: NUMBER, TEXTS: TEXT}


def _is_duration(text: str, _) -> bool:
  try:
    durations.parse(text)
  except ValueError:
    return False
  return True


# Each compares a value, or each part of a list, with a fact of fields.toml.
_LIMITS = {
  'least': operator.ge,
  'most': operator.le,
  'above': operator.gt,
  'below': operator.lt,
  'not': operator.ne,
  'one_of': lambda value, values: value in values,
  'matches': lambda text, pattern: re.fullmatch(pattern, text, re.ASCII) is not None,
  'is_duration': _is_duration,
}

_NO_LIMITS = {'kind', 'type', 'allowed', 'group', 'default'}


class Field(NamedTuple):
  """What a field may hold.

  Attributes:
    kind: its type, in words, such as `WHOLE`.
    allowed: its limits, in words.
    limits: those of `_LIMITS` that it has, and of lists the `longest`.
    group: of optional fields that a config has together or not at all.
    default: of a config that lacks the field; None for no default.
  """

  kind: str
  allowed: str
  limits: Mapping[str, Any]
  group: str
  default: Any

  @property
  def is_optional(self) -> bool:
    """Whether a config may lack it."""
    return bool(self.group) or self.default is not None

  def holds(self, value: Any) -> bool:
    """Whether a value of its kind is within the limits."""
    parts = value if isinstance(value, list) else [value]
    limits = dict(self.limits)
    longest = limits.pop('longest', None)
    if longest and not 1 <= len(parts) <= longest:
      return False
    return all(_LIMITS[n](part, limit) for n, limit in limits.items() for part in parts)


@functools.cache
def of_network(network: str) -> dict[str, Field]:
  """The fields of the configs of one of `NETWORKS`, by dotted name."""
  import tomllib  # late: --help needs no field

  table = tomllib.loads(Path(__file__).with_suffix('.toml').read_text())
  entries = table['common'] | table[network]
  return {name: _field(entry, table['kinds']) for name, entry in entries.items()}


def _field(entry: str | dict[str, Any], kinds: dict[str, dict[str, Any]]) -> Field:
  entry = {'kind': entry} if isinstance(entry, str) else entry
  facts = kinds[entry['kind']] | entry
  words = facts | {'one_of': ', '.join(map(str, facts.get('one_of', ())))}
  return Field(
    kind=facts['type'],
    allowed=facts.get('allowed', '').format(**words),
    limits={name: facts[name] for name in facts.keys() - _NO_LIMITS},
    group=facts.get('group', ''),
    default=facts.get('default'),
  )


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
    if not _is_of_kind(fields[name].kind, value):
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


def check_of_new_run(values: Mapping[str, Any]) -> None:
  """Raises UserError for what an older run may have and no other.

  That is a field without effect, and groups that cannot be evaluated. Such a run is
  still resumed and evaluated, as far as that goes.
  """
  number = values.get('last_population_batches', 0)
  if number and not values.get('log_spaced_evaluations', 0):
    raise UserError(
      f'config.last_population_batches={number} is not 0 without '
      'config.log_spaced_evaluations'
    )
  _check_groups_of_variant(values)


def _check_groups_of_variant(values: Mapping[str, Any]) -> None:
  """Several devices could train groups that the one device of algorithm 2 cannot."""
  kind = values.get('variant.normalizer', 'batch_norm')
  group = values['model.normalization_group']
  whole = values['batch_size'] // (defaults() | values)['gradient_accumulation']
  if kind != 'batch_norm' and group not in (0, whole):
    raise UserError(
      f'config.model.normalization_group={group} is not 0, and '
      f'config.variant.normalizer={kind!r} normalizes whole mini-batches on one '
      'device; set it to 0, and config.num_devices=1'
    )


def _is_of_kind(kind: str, value: Any) -> bool:
  """Whether a value is of a kind; a whole number is a number, too."""
  if kind in _PARTS:
    return isinstance(value, list) and all(_is_of_kind(_PARTS[kind], v) for v in value)
  is_switch = isinstance(value, bool)  # which Python takes for an integer, too
  return isinstance(value, _TYPES[kind]) and is_switch == (kind == BOOL)


def _check_names(values: Mapping[str, Any], network: str) -> None:
  fields = of_network(network)
  if unknown := [name for name in values if name not in fields]:
    name = unknown[0]
    meant = hint(name, fields, network) or 'remove it'
    raise UserError(f'a config of {network!r} has no field {shown(name)}; {meant}')
  groups = {fields[name].group for name in values} - {''}
  for name, field in fields.items():
    if name not in values and (not field.is_optional or field.group in groups):
      raise UserError(
        f'the config lacks {name!r} ({field.kind}), which {network!r} needs'
      )


def hint(name: str, known: Iterable[str], network: str | None) -> str:
  """What may be meant by a field that is not among those known; '' for no idea."""
  having = [repr(other) for other in NETWORKS if name in of_network(other)]
  if having and repr(network) not in having:
    return f'only a config of {" or ".join(having)} has it'
  close = difflib.get_close_matches(name[:100], known, n=3, cutoff=0.5)
  return f'did you mean {" or ".join(close)}?' if close else ''


def _limits_by_others(values: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
  """(field, what is allowed, whether it holds) of limits that other fields set."""
  if values['model.batch_norm']:
    text = 'at least 2 with batch normalization'
    yield 'batch_size', text, values['batch_size'] >= 2
    # A part of one image is normalized over its maps, if these are large enough.
    if values['model.name'] == 'mlp' and (parts := values.get('gradient_accumulation')):
      text = 'at most half of config.batch_size with batch normalization'
      yield 'gradient_accumulation', text, 2 * parts <= values['batch_size']
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
