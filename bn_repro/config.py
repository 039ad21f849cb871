"""Loading, checking, storing and comparing the config of a run.

Knows which fields there are and what each may hold; does not know what any of
them does. Imports no JAX, so that a mistake is answered at once.
"""

import importlib.util
import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ml_collections import ConfigDict

from bn_repro.errors import UserError

DATASETS = ('mnist', 'digits')
PIXELS = ('binary', 'grey')
MODELS = ('mlp',)


def load(location: str, overrides: Mapping[str, Any] | None = None) -> ConfigDict:
  """The config of `FILE.py:ARGUMENT`, with dotted fields overridden.

  Args:
    location: such as 'configs/mnist.py:baseline'; the argument is optional.
    overrides: such as {'dataset.name': 'digits'}.

  Raises:
    UserError: there is no such file, argument or field, or a wrong type.
  """
  path, _, argument = location.partition(':')
  if not Path(path).is_file():
    raise UserError(f'no config file {path!r}; {_available_configs()}')
  try:
    config = execute(Path(path)).get_config(*([argument] if argument else []))
    config.update_from_flattened_dict(overrides or {})
  except (KeyError, TypeError, ValueError) as error:
    raise UserError(one_line(error)) from error
  return config


def execute(path: Path) -> ModuleType:
  """Imports a Python file that is data: a config or a sweep."""
  spec = importlib.util.spec_from_file_location(path.stem, path)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def _available_configs() -> str:
  found = sorted(str(path) for path in Path('configs').glob('[a-z]*.py'))
  return f'there are {", ".join(found)}' if found else 'there is no configs/ here'


def one_line(error: Exception) -> str:
  """The text of an exception without line breaks."""
  text = error.args[0] if error.args else type(error).__name__
  return ' '.join(str(text).split())


def check(config: ConfigDict) -> None:
  """Raises UserError for the first field whose value makes no sense."""
  values = flatten(config)
  for field, allowed, holds in _rules(config):
    value = values.get(field)
    if not holds(value):
      raise UserError(f'config.{field}={value!r} is not {allowed}')


def _rules(config: ConfigDict):
  """(field, what is allowed, test) of every field that has limits."""
  at_least_two = config.model.batch_norm
  return (
    ('dataset.name', _choice(DATASETS), DATASETS.__contains__),
    ('dataset.pixels', _choice(PIXELS), PIXELS.__contains__),
    ('dataset.threshold', 'between 0 and 1', lambda v: 0 <= v < 1),
    ('model.name', _choice(MODELS), MODELS.__contains__),
    ('model.hidden_sizes', 'one or more positive sizes',
     lambda v: len(v) > 0 and all(_is_count(size) for size in v)),
    ('model.init_std', 'positive', _is_positive),
    ('model.epsilon', 'positive', _is_positive),
    ('model.decay', 'between 0 and 1', lambda v: 0 <= v < 1),
    ('seed', 'from 0 to 2**32 - 1', lambda v: 0 <= v < 2**32),
    ('learning_rate', 'positive', _is_positive),
    ('momentum', 'between 0 and 1', lambda v: 0 <= v < 1),
    ('batch_size', 'at least 2 with batch normalization' if at_least_two
     else 'at least 1', lambda v: v >= (2 if at_least_two else 1)),
    ('tracked_unit', 'a unit of the last hidden layer',
     lambda v: 0 <= v < config.model.hidden_sizes[-1]),
    ('targets', 'accuracies between 0 and 1',
     lambda v: all(map(_is_share, v))),
    ('num_devices', '0 (all) or more', lambda v: v >= 0),
    *((field, 'at least 1', _is_count)
      for field in ('num_steps', 'population_batches', 'log_every',
                    'evaluate_every', 'checkpoint_every')),
  )  # fmt: skip


def _choice(names) -> str:
  return f'one of {", ".join(names)}'


def _is_positive(value) -> bool:
  return 0 < value < math.inf


def _is_share(value) -> bool:
  return isinstance(value, (int, float)) and 0 < value <= 1


def _is_count(value) -> bool:
  return isinstance(value, int) and value >= 1


def flatten(config: ConfigDict | Mapping[str, Any], prefix: str = '') -> dict:
  """{'dataset.name': 'mnist', ...}; tuples become lists, as in JSON."""
  flat = {}
  for name, value in config.items():
    if isinstance(value, (ConfigDict, Mapping)):
      flat |= flatten(value, f'{prefix}{name}.')
    else:
      flat[prefix + name] = list(value) if isinstance(value, tuple) else value
  return flat


def store(config: ConfigDict, workdir: Path, overrides: list[str]) -> None:
  """Writes config.json and overrides.txt, or checks them against this config.

  Raises:
    UserError: the workdir cannot be written, or holds a run of another config.
  """
  path = workdir / 'config.json'
  try:
    workdir.mkdir(parents=True, exist_ok=True)
    if path.exists():
      return check_same(config, path)
    (workdir / 'overrides.txt').write_text('\n'.join(overrides) + '\n')
    write_json(path, config.to_dict())
  except OSError as error:
    raise UserError(
      f'cannot use workdir {str(workdir)!r}: {error.strerror}; '
      'give a directory that can be written with --workdir'
    ) from error


def check_same(config: ConfigDict, path: Path) -> None:
  """Raises UserError if a config.json is damaged or holds another config."""
  try:
    stored = flatten(json.loads(path.read_text()))
  except json.JSONDecodeError as error:
    raise UserError(f'{path} is damaged ({error}); use another --workdir') from error
  asked = flatten(config)
  differing = [
    f'{field} ({stored.get(field)!r} there, {asked.get(field)!r} asked for)'
    for field in sorted(stored.keys() | asked.keys())
    if stored.get(field) != asked.get(field)
  ]
  if differing:
    raise UserError(
      f'{path.parent} holds a run of another config, which differs in '
      f'{", ".join(differing)}; use another --workdir'
    )


def write_json(path: Path, value: Any) -> None:
  """Writes JSON so that a reader sees the old file or the new one, whole."""
  partial = path.with_name(path.name + '.partial')
  partial.write_text(json.dumps(value, indent=2) + '\n')
  partial.replace(path)
