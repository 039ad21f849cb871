"""Checkpoints of a training run: the only file that knows Orbax.

`checkpoints/` in a workdir holds one folder for each saved step, named by its
number. Orbax writes it whole or not at all, but gives back a damaged file without a
word, and takes any folder with a number for a checkpoint. So each is sealed with a
SHA-256 of every array, and counts only if all of them fit; one that does not is
moved aside to `damaged/`. Does not know what a state contains.

Arrays are read by TensorStore and notes are JSON: to load them executes no code.
"""

import contextlib
import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from bn_repro.run import collectives, damage
from bn_repro.run.errors import MachineError, UserError
from bn_repro.run.seal import NOTES, Checkpoint, digests

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


class Checkpoints:
  """Saves checkpoints, and removes all but the newest.

  Of several processes the first one saves, and asks no other.
  """

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
          # In the background a failed save would be told late, and leave threads
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
    """Saves, whole or not at all; a step that has been saved is left as it is.

    Raises:
      MachineError: it could not be saved; the earlier ones are as they were.
    """
    if not self._manager or checkpoint.step in self._manager.all_steps():
      return
    seal = {'digests': digests(checkpoint), NOTES: checkpoint.notes}
    parts = ocp.args.Composite(
      state=ocp.args.StandardSave(checkpoint.arrays), seal=ocp.args.JsonSave(seal)
    )
    with _in_one_line(self._directory):
      if not self._directory.is_dir():
        print(f'warning: {self._directory} was removed; made again', file=sys.stderr)
        self._directory.mkdir()
      self._manager.save(checkpoint.step, args=parts, force=True)


def _hear_errors_once() -> None:
  """From here on; tasks that are given up may be freed long after the call."""
  sys.unraisablehook = _heard_too_late
  # Of each task that failed beside the first one it prints a traceback.
  logging.getLogger('asyncio').setLevel(logging.CRITICAL)


def _heard_too_late(raised) -> None:
  """Drops what TensorStore says after the first error of a save or a restore.

  Orbax has raised that one and closed its event loop; each further array that fails
  finds the loop closed, and would print so.
  """
  if str(raised.exc_value) != 'Event loop is closed':
    sys.__unraisablehook__(raised)


def _alone() -> ocp.options.MultiprocessingOptions:
  """Orbax's processes: this one only."""
  this = jax.process_index()
  return ocp.options.MultiprocessingOptions(
    primary_host=this,
    active_processes={this},
    barrier_sync_key_prefix=f'process_{this}',
  )


@contextlib.contextmanager
def _in_one_line(directory: Path) -> Iterator[None]:
  _hear_errors_once()
  try:
    yield
  except Exception as error:  # of Orbax, TensorStore or the system
    raise MachineError(
      f'a checkpoint could not be saved in {directory}: {damage.reason(error, 300)}; '
      'the earlier ones are as they were, and the same command resumes once that is '
      'mended'
    ) from error


def restore_newest(workdir: Path) -> Checkpoint | None:
  """The newest checkpoint that is as it was saved; None if none was ever saved.

  What is damaged or unfinished is then moved to `damaged/`, and a warning says so.

  Raises:
    UserError: there are checkpoints and all are damaged; nothing is moved.
    MachineError: one could not be read, which says nothing of it; nothing is moved.
    OSError: as `damage.entries`.
  """
  found, damaged = None, {}
  for path in _newest_first(workdir / FOLDER):
    try:
      found = _read(path)
      break
    except _DamagedError as error:
      damaged[path] = str(error)
  if damaged and not found:
    raise UserError(
      f'no checkpoint of {workdir} is as it was saved: {_listed(damaged)}; put a good '
      'one back, or use another --workdir to train from the start'
    )
  damaged |= {path: 'unfinished' for path in _unfinished(workdir / FOLDER)}
  if damaged:
    _move_aside(damaged, workdir, found.step if found else 0)
  return found


def newest_step(workdir: Path) -> int:
  """The step of the newest checkpoint that was saved, good or not; 0 without any."""
  newest = next(iter(_newest_first(workdir / FOLDER)), None)
  return int(newest.name) if newest else 0


def read_newest(workdir: Path) -> Checkpoint:
  """The newest checkpoint that was saved; moves nothing, and takes no other.

  Raises:
    UserError: none was ever saved, or it is not as it was saved.
    MachineError: it could not be read, which says nothing of it.
  """
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
  """What is wrong with a checkpoint."""


def _newest_first(directory: Path) -> list[Path]:
  steps = (path for path in damage.entries(directory) if path.name.isdecimal())
  return sorted(steps, key=lambda path: int(path.name), reverse=True)


def _unfinished(directory: Path) -> list[Path]:
  """What a process left that ended while it saved."""
  name = re.compile(rf'[0-9].*{re.escape(UNFINISHED)}')
  return [path for path in damage.entries(directory) if name.match(path.name)]


def _read(path: Path) -> Checkpoint:
  parts = _parts(path.absolute())
  try:
    found = Checkpoint(int(path.name), parts['state'], parts['seal'][NOTES])
    differing = parts['seal']['digests'].items() ^ digests(found).items()
  except (KeyError, TypeError, AttributeError) as error:
    raise _DamagedError('its seal is broken') from error
  if differing:
    names = sorted({name for name, _ in differing})
    more = f' and {len(names) - 1} more' if len(names) > 1 else ''
    raise _DamagedError(f'{names[0]}{more} is not as it was saved')
  return found


def _parts(path: Path) -> Any:
  """The two parts of a checkpoint, as Orbax reads them."""
  try:
    return _restored(path)
  except Exception as error:  # Orbax and TensorStore raise of many kinds
    if cause := _other_cause(error, path):
      raise damage.could_not_be_read(path, cause) from error
    raise _DamagedError(damage.reason(error)) from error


def _restored(path: Path) -> Any:
  parts = ocp.args.Composite(
    state=ocp.args.StandardRestore(), seal=ocp.args.JsonRestore()
  )
  _hear_errors_once()
  with _checkpointer() as reader:
    return reader.restore(path, args=parts)


def _checkpointer() -> ocp.Checkpointer:
  return ocp.Checkpointer(
    ocp.CompositeCheckpointHandler(), multiprocessing_options=_alone()
  )


def _other_cause(error: Exception, path: Path) -> Exception | None:
  """What the machine, or what reads, is at fault for; None if the files are."""
  status = _STATUS.match(str(error))
  if status and status[1] not in _OF_FILES:
    return error
  cause = damage.other_cause(error, path, _NEEDED)
  return cause if cause or _can_read_its_own() else error


def _can_read_its_own() -> bool:
  """Whether a checkpoint that is saved here and now can be read."""
  state, seal = {'one': np.ones(1, np.float32)}, {'digests': {}}
  parts = ocp.args.Composite(
    state=ocp.args.StandardSave(state), seal=ocp.args.JsonSave(seal)
  )
  try:
    folder = Path(tempfile.mkdtemp())
    try:
      with _checkpointer() as writer:
        writer.save(folder / '1', args=parts)
      return bool(_restored(folder / '1')['state']['one'] == 1)
    finally:
      _remove(folder)
  except Exception:  # whatever it is, it lies in no file of the run
    return False


def _remove(folder: Path) -> None:
  """By whole paths, which whoever watches a program can tell from others."""
  for path in sorted(folder.rglob('*'), reverse=True):
    path.rmdir() if path.is_dir() else path.unlink()
  folder.rmdir()


def _move_aside(damaged: dict[Path, str], workdir: Path, step: int) -> None:
  """Moves them to `damaged/` and says what is lost by going on from `step`."""
  folder = workdir / DAMAGED
  folder.mkdir(exist_ok=True)
  for path in damaged:
    name = path.name.removesuffix(UNFINISHED)
    number = sum(other.name.split('.')[0] == name for other in folder.iterdir())
    shutil.move(path, folder / f'{name}.{number}')
  newest = max(int(path.name.split('.')[0]) for path in damaged)
  print(
    f'warning: {_listed(damaged)}; moved to {folder}; going on from step {step}, '
    f'{max(0, newest - step)} steps are taken again',
    file=sys.stderr,
  )


def _listed(damaged: dict[Path, str]) -> str:
  return ', '.join(
    f'checkpoint {path.name.removesuffix(UNFINISHED)} ({reason})'
    for path, reason in damaged.items()
  )
