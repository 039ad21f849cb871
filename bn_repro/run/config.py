"""Loading, checking, storing and comparing the config of a run.

Imports no JAX, so that a mistake is answered at once.
"""

import contextlib
import importlib.util
import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ml_collections import ConfigDict

from bn_repro.run import config_files, damage, errors, fields, places
from bn_repro.run.errors import UserError, one_line, shown
from bn_repro.run.files import read_json, write_json

PROJECT = config_files.PROJECT
NAME = 'config.json'
# No step depends on it, so it may change until a run is finished.
LENGTH = 'train_for'
# Those that say where and how a run is computed may change, too.
MAY_CHANGE = ('num_devices', 'partner_timeout', 'dataset.workers', LENGTH)
# (field, before, after): a run that has not stopped at a corrupt image is the same with
# either value, but one that has skipped some cannot become one that stops.
_ONE_WAY = (('dataset.on_corrupt', 'stop', 'skip'),)
# A run records how these change.
_RECORDED = (LENGTH, 'dataset.on_corrupt')
_NAMED_AT_MOST = 10


def load(location: str, overrides: Mapping[str, Any] | None = None) -> ConfigDict:
  """The config of 'FILE.py:ARGUMENT' or 'FILE.py', with dotted fields overridden."""
  path, colon, argument = config_files.split(location)
  module = execute(config_files.find(path, '--config'))
  get_config = getattr(module, 'get_config', None)
  if not callable(get_config) or inspect.iscoroutinefunction(get_config):
    raise UserError(f'{shown(path)} is no config; {config_files.available()}')
  try:
    config = get_config(*([argument] if colon else []))
    if not isinstance(config, ConfigDict):
      raise TypeError(f'get_config of {path} returns {shown(config)}, not a ConfigDict')
    config.update_from_flattened_dict(overrides or {})
    flatten(config)
  except (KeyError, TypeError, ValueError) as error:  # such as of a wrong argument
    raise UserError(errors.line(one_line(error))) from error
  except (Exception, SystemExit) as error:
    reason = f'the config ends with {type(error).__name__}: {one_line(error)}'
    raise UserError(errors.line(reason)) from error
  return config


def execute(path: Path) -> ModuleType:
  """Imports a Python file that is data: a config or a sweep."""
  config_files.use_neighbours(path)
  # Not '__main__', so that a program in the file does not start.
  spec = importlib.util.spec_from_file_location(f'data_{path.stem}', path)
  if spec is None:
    raise UserError(f'{shown(str(path))} is no Python file')
  module = importlib.util.module_from_spec(spec)
  try:
    spec.loader.exec_module(module)
  except (Exception, SystemExit) as error:
    reason = f'{type(error).__name__}: {one_line(error)}'
    raise UserError(errors.line(f'{path} cannot be imported: {reason}')) from error
  return module


def check(config: ConfigDict) -> None:
  """Raises UserError for the first field whose value makes no sense."""
  fields.check(flatten(config))


def flatten(config: ConfigDict | Mapping[str, Any], prefix: str = '') -> dict:
  """{'dataset.name': 'mnist', ...}; tuples become lists, as in JSON."""
  flat = {}
  for name, value in config.items():
    if isinstance(value, (ConfigDict, Mapping)):
      flat |= flatten(value, f'{prefix}{name}.')
    else:
      flat[f'{prefix}{name}'] = list(value) if isinstance(value, tuple) else value
  return flat


def check_workdir(config: ConfigDict, workdir: Path) -> None:
  """Raises UserError unless a workdir can hold this run, new or begun; only reads."""
  if problem := places.not_a_folder(workdir):
    raise places.no_workdir(workdir, problem)
  if damage.is_missing(workdir / NAME):
    fields.check_of_new_run(flatten(config))
  else:
    check_same(config, workdir / NAME)


def store(config: ConfigDict, workdir: Path, overrides: Sequence[str]) -> None:
  """Writes config.json and overrides.txt, if the run or one of its `changes` is new."""
  check_workdir(config, workdir)
  path = workdir / NAME
  if damage.is_missing(path) or changes(config, workdir):
    text = '\n'.join(overrides) + '\n'
    # In bytes, since words of a command line need not be text.
    (workdir / 'overrides.txt').write_bytes(text.encode(errors='surrogateescape'))
    write_json(path, config.to_dict())


def changes(config: ConfigDict, workdir: Path) -> dict[str, list]:
  """The recorded fields that a resumed run changes, each with [before, now]."""
  if damage.is_missing(workdir / NAME):
    return {}
  before, now = _flat_content(workdir / NAME), flatten(config)
  pairs = {field: [before.get(field), now.get(field)] for field in _RECORDED}
  return {field: pair for field, pair in pairs.items() if pair[0] != pair[1]}


def check_same(
  config: ConfigDict, path: Path, content: Mapping[str, Any] | None = None
) -> None:
  """Raises UserError if a config.json is damaged or holds another config.

  `content` is what another file of the run holds, flat, in place of a config.json.
  """
  now = flatten(config)
  defaults = {name: v for name, v in fields.defaults().items() if name in now}
  stored = defaults | (_flat_content(path) if content is None else dict(content))
  # The steps of log-spaced evaluations depend on the length.
  fixed = {LENGTH} if now.get('log_spaced_evaluations') else set()
  differing = [
    field
    for field in sorted(stored.keys() | now.keys())
    if _is_refused(field, stored.get(field), now.get(field), fixed)
  ]
  if differing:
    raise UserError(
      f'{path.parent} holds a run of another config, which differs in '
      f'{named(differing, there=stored, asked_for=now)}; use another --workdir'
    )


def named(differing: Sequence[str], **configs: Mapping[str, Any]) -> str:
  """Fields with their values in flat configs, such as 'seed (0 there, 7 asked for)'.

  A config's name says whose its value is; beyond a few fields they are counted.
  """
  texts = [
    ', '.join(
      f'{shown(config.get(field))} {name.replace("_", " ")}'
      for name, config in configs.items()
    )
    for field in differing[:_NAMED_AT_MOST]
  ]
  listed = ', '.join(f'{field} ({text})' for field, text in zip(differing, texts))
  more = len(differing) - _NAMED_AT_MOST
  return f'{listed} and {more} more' if more > 0 else listed


def _is_refused(field: str, before: Any, now: Any, fixed: set[str]) -> bool:
  may_change = field in MAY_CHANGE and field not in fixed
  return before != now and not may_change and (field, before, now) not in _ONE_WAY


def stored(workdir: Path) -> ConfigDict:
  """The checked config of the run that a workdir holds."""
  path = workdir / NAME
  if damage.is_missing(path):
    place = shown(str(workdir), errors.LONGEST_PATH)
    raise UserError(f'{place} holds no run, for it has no {NAME}')
  with _reading(path):
    return of_json(read_json(path))


def of_json(content: Mapping[str, Any]) -> ConfigDict:
  """The checked config that was written as JSON, which has no tuples."""
  config = ConfigDict(_with_tuples(content))
  check(config)
  return config


def _with_tuples(value: Any) -> Any:
  if isinstance(value, dict):
    return {name: _with_tuples(part) for name, part in value.items()}
  return tuple(value) if isinstance(value, list) else value


def _flat_content(path: Path) -> dict[str, Any]:
  with _reading(path):
    return flatten(read_json(path))


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
  """Within the block, whatever is wrong with a config.json is damage to it."""
  try:
    yield
  except (FileNotFoundError, ValueError, RecursionError) as error:
    reason = errors.line(one_line(error))
    raise UserError(f'{path} is damaged ({reason}); use another --workdir') from error
