"""Checkpoints of a training run: the only file that knows Orbax.

`checkpoints/` in a workdir holds one folder for each saved step, named by its number.
Orbax writes it whole or not at all, but reads a damaged file without an error, and
takes any folder with a number for a checkpoint. So each is sealed with a SHA-256 of
every array, and counts only if all match; one that does not is moved to `damaged/`.
Arrays are read by TensorStore and notes are JSON: loading executes no code.
"""

import hashlib
import itertools
import logging
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax import traverse_util

from bn_repro.run import collectives, damage, files
from bn_repro.run.errors import MachineError, UserError, warn

KEPT = 3
FOLDER = 'checkpoints'
DAMAGED = 'damaged'
UNFINISHED = '.orbax-checkpoint-tmp'
# Files of a checkpoint that every version of Orbax has written.
_NEEDED = ('seal/metadata', 'state/_METADATA')
# How TensorStore begins where a file is at fault; it may begin without any, too.
_OF_FILES = (
  'DATA_LOSS', 'OUT_OF_RANGE', 'NOT_FOUND', 'FAILED_PRECONDITION', 'INVALID_ARGUMENT',
)  # fmt: skip
_STATUS = re.compile(r'([A-Z]+(_[A-Z]+)*): ')
NOTES = 'notes'  # their digest lies among those of the arrays; no array is called so


class Checkpoint(NamedTuple):
  """What was saved at a step: a nested dict of NumPy arrays, and notes of JSON."""

  step: int
  arrays: dict[str, Any]
  notes: dict[str, Any]


def digests(checkpoint: Checkpoint) -> dict[str, str]:
  """The SHA-256 of every array with its type and shape, and of step and notes."""
  digest_of = {NOTES: files.digest([checkpoint.step, checkpoint.notes])}
  for name, values in traverse_util.flatten_dict(checkpoint.arrays, sep='/').items():
    array = np.asarray(values)
    data = f'{array.dtype.str} {array.shape} '.encode() + array.tobytes()
    digest_of[name] = hashlib.sha256(data).hexdigest()
  return digest_of


class Checkpoints:
  """Saves checkpoints and keeps the newest `KEPT`; the first process alone saves."""

  def __init__(self, workdir: Path):
    self._directory = workdir.absolute() / FOLDER
    self._manager = None
    if collectives.is_first_process():
      self._directory.mkdir(exist_ok=True)
      self._manager = ocp.CheckpointManager(
        self._directory,
        options=ocp.CheckpointManagerOptions(
          max_to_keep=KEPT,
          create=False,
          multiprocessing_options=_alone(),
          # In the background a failed save would be reported late, and leave threads
          # that wait for each other long after the run.
          enable_async_checkpointing=False,
        ),
      )

  def __enter__(self) -> 'Checkpoints':
    return self

  def __exit__(self, *unused) -> None:
    if self._manager:
      self._manager.close()

  def save(self, checkpoint: Checkpoint) -> None:
    """Saves, whole or not at all; a step that has been saved is left as it is."""
    if not self._manager or checkpoint.step in self._manager.all_steps():
      return
    seal = {'digests': digests(checkpoint), NOTES: checkpoint.notes}
    parts = _saved(checkpoint.arrays, seal)
    _report_errors_once()
    try:
      if not self._directory.is_dir():
        warn(f'{self._directory} was removed; made again')
        self._directory.mkdir()
      self._manager.save(checkpoint.step, args=parts, force=True)
    except Exception as error:  # of Orbax, TensorStore or the system
      raise MachineError(
        f'a checkpoint could not be saved in {self._directory}: '
        f'{damage.reason(error, 300)}; the earlier ones are as they were, and the same '
        'command resumes once that is repaired'
      ) from error


def _report_errors_once() -> None:
  """From now on: abandoned tasks may be freed long after the call."""
  sys.unraisablehook = _without_later_errors
  # It prints a traceback of each task that failed after the first one.
  logging.getLogger('asyncio').setLevel(logging.CRITICAL)


def _without_later_errors(raised) -> None:
  # Orbax has raised the first error and closed its event loop; each further array that
  # fails finds the loop closed.
  if str(raised.exc_value) != 'Event loop is closed':
    sys.__unraisablehook__(raised)


def _alone() -> ocp.options.MultiprocessingOptions:
  this = jax.process_index()
  return ocp.options.MultiprocessingOptions(
    primary_host=this,
    active_processes={this},
    barrier_sync_key_prefix=f'process_{this}',
  )


def restore_newest(workdir: Path) -> Checkpoint | None:
  """The newest checkpoint that is as it was saved; None if none was ever saved.

  Damaged and unfinished ones are then moved to `damaged/`, and a warning says so.
  Nothing is moved if all are damaged or if one cannot be read.
  """
  newest, damaged = None, {}
  for path in _newest_first(workdir / FOLDER):
    try:
      newest = _read(path)
      break
    except _DamagedError as error:
      damaged[path] = str(error)
  if damaged and not newest:
    raise UserError(
      f'no checkpoint of {workdir} is as it was saved: {_listed(damaged)}; put a good '
      'one back, or use another --workdir to train from the start'
    )
  for path in damage.entries(workdir / FOLDER):
    if path.name[0].isdecimal() and UNFINISHED in path.name:
      damaged[path] = 'unfinished'  # its process ended while it saved
  if damaged:
    _move_aside(damaged, workdir, newest.step if newest else 0)
  return newest


def newest_step(workdir: Path) -> int | None:
  """The step of the newest checkpoint that was saved, good or not; None without any."""
  newest = next(iter(_newest_first(workdir / FOLDER)), None)
  return int(newest.name) if newest else None


def read_newest(workdir: Path) -> Checkpoint:
  """The newest checkpoint that was saved; moves nothing, and takes no other."""
  newest = next(iter(_newest_first(workdir / FOLDER)), None)
  if newest is None:
    raise UserError(f'{workdir} holds no finished checkpoint; train in it first')
  try:
    return _read(newest)
  except _DamagedError as error:
    raise UserError(
      f'checkpoint {newest.name} of {workdir} is damaged ({error}); move {newest} '
      'elsewhere to take the one before'
    ) from error


class _DamagedError(Exception):
  """A checkpoint is damaged; the text says how."""


def _newest_first(directory: Path) -> list[Path]:
  # An error where it is a link to a disk that is away: a run that began anew would
  # write over metrics.jsonl, without which those checkpoints are worthless.
  steps = (path for path in damage.entries(directory) if path.name.isdecimal())
  return sorted(steps, key=lambda path: int(path.name), reverse=True)


def _read(path: Path) -> Checkpoint:
  try:
    parts = _restored(path.absolute())
  except Exception as error:  # Orbax and TensorStore raise of many kinds
    if cause := _other_cause(error, path):
      raise damage.could_not_be_read(path, cause) from error
    raise _DamagedError(damage.reason(error)) from error
  try:
    checkpoint = Checkpoint(int(path.name), parts['state'], parts['seal'][NOTES])
    differing = parts['seal']['digests'].items() ^ digests(checkpoint).items()
  except (KeyError, TypeError, AttributeError) as error:
    raise _DamagedError('its seal is broken') from error
  if differing:
    names = sorted({name for name, _ in differing})
    more = f' and {len(names) - 1} more' if len(names) > 1 else ''
    raise _DamagedError(f'{names[0]}{more} is not as it was saved')
  return checkpoint


def _restored(path: Path) -> Any:
  parts = ocp.args.Composite(
    state=ocp.args.StandardRestore(), seal=ocp.args.JsonRestore()
  )
  _report_errors_once()
  with _checkpointer() as reader:
    return reader.restore(path, args=parts)


def _checkpointer() -> ocp.Checkpointer:
  handler = ocp.CompositeCheckpointHandler()
  return ocp.Checkpointer(handler, multiprocessing_options=_alone())


def _saved(arrays: dict[str, Any], seal: dict[str, Any]) -> ocp.args.Composite:
  return ocp.args.Composite(
    state=ocp.args.StandardSave(arrays), seal=ocp.args.JsonSave(seal)
  )


def _other_cause(error: Exception, path: Path) -> Exception | None:
  status = _STATUS.match(str(error))
  if status and status[1] not in _OF_FILES:
    return error
  cause = damage.other_cause(error, path, _NEEDED)
  return cause if cause or _can_read_its_own() else error


def _can_read_its_own() -> bool:
  """Whether a checkpoint that is saved here and now can be read."""
  parts = _saved({'one': np.ones(1, np.float32)}, {'digests': {}})
  try:
    folder = Path(tempfile.mkdtemp())
    try:
      with _checkpointer() as writer:
        writer.save(folder / '1', args=parts)
      return bool(_restored(folder / '1')['state']['one'] == 1)
    finally:
      _remove(folder)
  except Exception:  # of any kind; no file of the run has caused it
    return False


def _remove(folder: Path) -> None:
  """Removes it file by file, by whole paths, which a trace of the program can show."""
  for path in sorted(folder.rglob('*'), reverse=True):
    path.rmdir() if path.is_dir() else path.unlink()
  folder.rmdir()


def _move_aside(damaged: dict[Path, str], workdir: Path, step: int) -> None:
  folder = workdir / DAMAGED
  folder.mkdir(exist_ok=True)
  for path in damaged:
    name = path.name.removesuffix(UNFINISHED)
    places = (folder / f'{name}.{number}' for number in itertools.count())
    shutil.move(path, next(place for place in places if not place.exists()))
  newest = max(int(path.name.split('.')[0]) for path in damaged)
  warn(
    f'{_listed(damaged)}; moved to {folder}; resuming at step {step}, '
    f'{max(0, newest - step)} steps are taken again'
  )


def _listed(damaged: dict[Path, str]) -> str:
  return ', '.join(
    f'checkpoint {path.name.removesuffix(UNFINISHED)} ({reason})'
    for path, reason in damaged.items()
  )
