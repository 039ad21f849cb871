"""How far a run is: what a checkpoint of it holds, and how it is resumed.

Besides the state of training a checkpoint holds the measurements since the last line
of metrics.jsonl, for a run that was stopped between two lines, and the length and
digest of metrics.jsonl itself.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import serialization
from ml_collections import ConfigDict

from bn_repro.data import sources
from bn_repro.run import checkpoint, collectives, damage
from bn_repro.run import config as config_lib
from bn_repro.run.checkpoint import Checkpoint
from bn_repro.run.durations import Lengths
from bn_repro.run.errors import UserError
from bn_repro.run.progress import last_step
from bn_repro.run.records import NAME, SKIPPED
from bn_repro.training import identity
from bn_repro.training.experiment import Experiment
from bn_repro.training.initial import begin
from bn_repro.training.outcome import evaluated
from bn_repro.training.step import TrainState, initial_state


class Progress(NamedTuple):
  """A state, and what was measured on the way to it.

  Attributes:
    state: after the last step that was taken.
    measured: of the steps since the last record, in parts: `[steps]` by tag. Skipped
      images are those in this process's share of the mini-batches.
    position: of the records, as `Recorder.position`; None before there are any.
  """

  state: TrainState
  measured: list[dict[str, Any]]
  position: dict[str, Any] | None

  @property
  def recorded_step(self) -> int:
    """The step up to which everything that was measured is recorded."""
    return int(self.state.step) - sum(len(part['train/loss']) for part in self.measured)

  def to_checkpoint(self) -> Checkpoint:
    """The same on the host, to be saved."""
    state, measured = jax.device_get((self.state, self.measured))
    series = {tag: values.tolist() for tag, values in joined(measured).items()}
    notes = {'measured': series, 'position': self.position}
    return Checkpoint(int(state.step), serialization.to_state_dict(state), notes)


def joined(measured: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
  """The measurements of all parts, `[steps]` float32 by tag."""
  tags = measured[0] if measured else ()
  return {tag: np.concatenate([part[tag] for part in measured]) for tag in tags}


def is_finite(tree: Any) -> bool:
  """Whether every number of a tree of numbers and host arrays is finite.

  None, in the place of what a probe could not measure, is no number.
  """
  return all(bool(np.all(np.isfinite(leaf))) for leaf in jax.tree.leaves(tree))


def start_or_resume(experiment: Experiment, workdir: Path) -> Progress:
  """The newest good checkpoint, read by the first process for all, or the beginning."""
  is_first = collectives.is_first_process()
  newest = checkpoint.restore_newest(workdir) if is_first else None
  if is_first and newest is None:
    check_none_is_lost(workdir, experiment.lengths)
  if not collectives.any_process(newest is not None):
    return Progress(begin(experiment), [], None)
  # As bytes, so that every process gets the same bits.
  data = newest and serialization.msgpack_serialize(newest._asdict(), in_place=True)
  fields = serialization.msgpack_restore(collectives.from_first_process(data))
  saved = Checkpoint(**fields)
  # Only here: to trace a deep network takes seconds.
  template = jax.eval_shape(lambda: initial_state(experiment))
  state, notes = _as_state(saved, template, workdir), saved.notes
  measured = {tag: np.float32(values) for tag, values in notes['measured'].items()}
  if SKIPPED in measured and not is_first:  # they are summed, and the first has them
    measured[SKIPPED] = np.zeros_like(measured[SKIPPED])
  return Progress(state, [measured] if measured else [], notes['position'])


def check_none_is_lost(workdir: Path, lengths: Lengths) -> None:
  """Raises UserError if a run without checkpoints had some, such as on a disk now away.

  One that was killed before it had saved any begins anew.
  """
  record = identity.read(workdir) or {'starts': []}
  starts = [step for start in record['starts'] for step in start['steps']]
  recorded = last_step(workdir / NAME)
  # The line at the step of the first checkpoint is written before that is saved.
  if any(starts) or recorded > lengths.checkpoint_every:
    raise UserError(
      f'the run in {workdir} has taken {max([recorded, *starts]):,} steps, and '
      f'{checkpoint.FOLDER}/ holds none of its checkpoints; put them back, such as by '
      'mounting their disk, or use another --workdir to train from the start'
    )


def check_begun(config: ConfigDict, workdir: Path) -> None:
  """Raises UserError if a run cannot go on from its checkpoints with a config.

  Of the config only the length is looked at. The run must take one more step, so as to
  end in an evaluation as any run does.
  """
  taken = checkpoint.newest_step(workdir)
  if taken is None:
    return
  if damage.is_missing(workdir / config_lib.NAME):
    raise UserError(
      f'{workdir} holds checkpoints, but no {config_lib.NAME} that says of which '
      'config; put it back, or use another --workdir'
    )
  if config_lib.stored(workdir).train_for == config.train_for:
    return
  if taken >= (wanted := sources.number_of_steps(config)):
    raise UserError(
      f'the run has taken {taken:,} steps, and config.train_for={config.train_for!r} '
      f'is {wanted:,}; ask for more steps than it has taken'
    )


def check_evaluations(
  history: list[dict], lengths: Lengths, changes: Mapping[str, list]
) -> None:
  """Raises UserError if a run has ended, and a longer one is not evaluated there.

  Args:
    history: the lines of metrics.jsonl that are continued.
    lengths: of the config now.
    changes: of the config, as `config.changes`.
  """
  steps = [line['step'] for line in evaluated(history) if line['step'] > 0]
  if config_lib.LENGTH in changes and not all(map(lengths.is_evaluated, steps)):
    before, now = changes[config_lib.LENGTH]
    raise UserError(
      f'the run has taken all steps of config.train_for={before!r}; ask for that, or '
      f'use another --workdir, for one with {now!r} is not evaluated at step '
      f'{steps[-1]:,}'
    )


def _as_state(saved: Checkpoint, template: TrainState, workdir: Path) -> TrainState:
  try:
    state = serialization.from_state_dict(template, saved.arrays)
    fits = have_same_shapes(state, template)
  except (ValueError, KeyError, AttributeError):
    fits = False
  if not fits:
    raise UserError(
      f'checkpoint {saved.step} of {workdir} holds another network than the one that '
      'this code builds from its config; go on with the code that began the run, or '
      'use another --workdir'
    )
  return state


def have_same_shapes(tree: Any, other: Any) -> bool:
  """Whether two trees have the same leaves, by shape and type."""
  kind = lambda leaf: (leaf.shape, np.dtype(leaf.dtype))
  return jax.tree.map(kind, tree) == jax.tree.map(kind, other)
