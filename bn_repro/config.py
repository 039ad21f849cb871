"""Loading, checking, storing and comparing the config of a run.

Does not know what any field does. Imports no JAX, so that a mistake is answered at
once.
"""

import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ml_collections import ConfigDict

from bn_repro import fields
from bn_repro.errors import UserError

PROJECT = Path(__file__).resolve().parents[1]
SHARED = str(Path('configs') / 'datasets.py')


def load(location: str, overrides: Mapping[str, Any] | None = None) -> ConfigDict:
  """The config of `FILE.py:ARGUMENT`, with dotted fields overridden.

  Args:
    location: such as 'configs/mnist.py:baseline'; the argument is optional.
    overrides: such as {'dataset.name': 'digits'}.

  Raises:
    UserError: there is no such config, argument or field, or a wrong type.
  """
  path, _, argument = location.partition(':')
  if not Path(path).is_file():
    raise UserError(f'no config file {path!r}; {_available_configs()}')
  module = execute(Path(path))
  if not hasattr(module, 'get_config'):
    raise UserError(f'{path!r} is no config; {_available_configs()}')
  try:
    config = module.get_config(*([argument] if argument else []))
    config.update_from_flattened_dict(overrides or {})
  except (KeyError, TypeError, ValueError) as error:
    raise UserError(one_line(error)) from error
  return config


def execute(path: Path) -> ModuleType:
  """Imports a Python file that is data: a config or a sweep.

  Configs import their neighbours by the name of the folder, `configs`.
  """
  if str(PROJECT) not in sys.path:
    sys.path.insert(0, str(PROJECT))
  spec = importlib.util.spec_from_file_location(path.stem, path)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def _available_configs() -> str:
  # Not the neighbour that they share.
  found = sorted(set(map(str, Path('configs').glob('[a-z]*.py'))) - {SHARED})
  return f'there are {", ".join(found)}' if found else 'there is no configs/ here'


def one_line(error: Exception) -> str:
  """The text of an exception without line breaks."""
  text = error.args[0] if error.args else type(error).__name__
  return ' '.join(str(text).split())


def check(config: ConfigDict) -> None:
  """Raises UserError for the first field whose value makes no sense."""
  values = flatten(config)
  for field, allowed, holds in fields.rules(config):
    if field in values and not holds(values[field]):
      raise UserError(f'config.{field}={values[field]!r} is not {allowed}')
  if config.batch_size % config.get('gradient_accumulation', 1):
    raise UserError(
      f'config.batch_size={config.batch_size} cannot be taken in '
      f'config.gradient_accumulation={config.gradient_accumulation} equal parts; '
      'choose a divisor'
    )


def flatten(config: ConfigDict | Mapping[str, Any], prefix: str = '') -> dict:
  """{'dataset.name': 'mnist', ...}; tuples become lists, as in JSON."""
  flat = {}
  for name, value in config.items():
    if isinstance(value, (ConfigDict, Mapping)):
      flat |= flatten(value, f'{prefix}{name}.')
    else:
      flat[prefix + name] = list(value) if isinstance(value, tuple) else value
  return flat


def store(
  config: ConfigDict, workdir: Path, overrides: list[str], may_write: bool = True
) -> None:
  """Writes config.json and overrides.txt, or checks them against this config.

  Raises:
    UserError: the workdir cannot be written, or holds a run of another config.
  """
  path = workdir / 'config.json'
  try:
    workdir.mkdir(parents=True, exist_ok=True)
    if path.exists():
      return check_same(config, path)
    if not may_write:
      return
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
