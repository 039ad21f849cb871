"""The identity of a run: what decides its numbers besides the config.

`identity.json` in the workdir holds the contents of its data set when it began, and for
every start the code, the versions, the device and the settings. Another data set is
refused when the run is resumed; other circumstances are named and recorded.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from bn_repro.data import contents
from bn_repro.run import collectives, provenance, settings
from bn_repro.run import config as config_lib
from bn_repro.run.errors import UserError, warn
from bn_repro.run.files import read_sealed, write_sealed

NAME = 'identity.json'
# Of a config: what one process of a run may have otherwise than another.
MAY_DIFFER = ('dataset.workers', 'partner_timeout')
_SHOWN_DIGITS = 10  # of a revision


def read(workdir: Path) -> dict[str, Any] | None:
  """The record of a run; None where it was begun by code that kept none.

  `data` is what `contents.of` gives; `starts` are dicts of `provenance.origin`, each
  with the `steps` at which the run was started or resumed like that.
  """
  path = workdir / NAME
  try:
    return read_sealed(path)
  except FileNotFoundError:
    return None
  except ValueError as error:
    raise UserError(
      f'{path} is not as it was written; remove it, and what the run was begun with '
      'is no longer known, but it can be resumed and evaluated'
    ) from error


def check_data(workdir: Path, name: str) -> dict[str, Any]:
  """The record of a run that starts or resumes; its data set must be the same."""
  now = contents.of(name)
  _check_same_everywhere(now)
  record = read(workdir)
  if record is None:
    return {'data': now, 'starts': []}
  if changes := contents.changes(record['data'], now):
    raise UserError(
      f'{name} was prepared anew since the run in {workdir} began: '
      f'{"; ".join(changes)}; put the old set back, or train in another --workdir'
    )
  return record


def check_config(config: ConfigDict) -> None:
  """Raises UserError if a process was given another config; all must call this."""
  own = config_lib.flatten(config)
  own = {field: value for field, value in own.items() if field not in MAY_DIFFER}
  first, differs = _beside_first_process(own)
  if differs:
    differing = [
      field
      for field in sorted(own.keys() | first.keys())
      if json.dumps(own.get(field)) != json.dumps(first.get(field))
    ]
    listed = config_lib.named(differing, here=own, there=first)
    raise UserError(
      'the processes of this run were given different configs: this one and the first '
      f'differ in {listed or "nothing, another does"}; give all of them the same'
    )


def _beside_first_process(own: dict[str, Any]) -> tuple[dict[str, Any], bool]:
  """What the first process has in its place, and whether any process has another."""
  text = json.dumps(own).encode()
  is_first = collectives.is_first_process()
  first = collectives.from_first_process(text if is_first else None)
  return json.loads(first), collectives.any_process(text != first)


def _check_same_everywhere(now: contents.Contents) -> None:
  """All processes must call this."""
  first, differs = _beside_first_process(now)
  if differs:
    changes = contents.changes(first, now)
    here = '; '.join(changes) or 'those of another process'
    raise UserError(
      f'the processes of this run read different contents of {now["name"]} ({here}, '
      'against those of the first process); give all of them the same'
    )


def add_start(
  workdir: Path,
  record: Mapping[str, Any],
  step: int,
  devices: list[jax.Device],
  changes: Mapping[str, list] = {},
) -> dict[str, Any]:
  """The record with one more start, which the first process writes.

  One line names what is not as it was at the last start, or says that it is not known.

  Args:
    record: of `check_data`.
    step: from which the run continues.
    changes: of the config, as `config.changes`; they are kept with the step.
  """
  now, starts = provenance.origin(devices), list(record['starts'])
  last = dict(starts[-1]) if starts else None
  steps = last.pop('steps') if last else []
  if last == now:
    starts[-1] = {'steps': [*steps, step], **now}
  else:
    starts.append({'steps': [step], **now})
  whole = {**record, 'starts': starts}
  if changes:
    whole['changes'] = [*record.get('changes', []), {'step': step, **changes}]
  if collectives.is_first_process():
    _name_differences(workdir, last, now, step)
    for field, (before, value) in changes.items():
      warn(f'{workdir} goes on at step {step:,} with {field}={value} ({before} before)')
    write_sealed(workdir / NAME, whole)
  return whole


def _name_differences(
  workdir: Path, last: dict[str, Any] | None, now: dict[str, Any], step: int
) -> None:
  if last is None and step:
    warn(
      f'with which data, settings and versions {workdir} was begun is not known; '
      f'from step {step:,} on they are recorded'
    )
  if last and (listed := differences(last, now)):
    warn(f'{workdir} goes on at step {step:,} with {"; ".join(listed)}')


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
  """Such as 'jax 0.12.0.1 (0.10.2 before)': of two origins, in words."""
  old = before['versions']
  listed = [
    f'{name} {version} ({old[name]} before)'
    for name, version in now['versions'].items()
    if old.get(name, version) != version
  ]
  if before['device'] != now['device']:
    listed.append(f'{now["device"]} ({before["device"]} before)')
  if before['code'] != now['code']:
    revisions = (origin['git_revision'][:_SHOWN_DIGITS] for origin in (now, before))
    listed.append('code {} ({} before)'.format(*revisions))
  return listed + settings.differences(before['settings'], now['settings'])
