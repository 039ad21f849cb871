"""The training loop.

A run is a pure function of its config: the initial weights come from the seed,
the examples of step t, and every other random number, from (seed, t); where there are
several devices, dropout and noise also from which of them it is.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from bn_repro.run import collectives, provenance, settings, summary, watch
from bn_repro.run import config as config_lib
from bn_repro.run.checkpoint import Checkpoints
from bn_repro.run.durations import Lengths
from bn_repro.run.errors import Preempted
from bn_repro.run.progress import progress_bar
from bn_repro.run.records import SKIPPED, WAITING, Recorder
from bn_repro.run.signals import Interruption
from bn_repro.training import experiment as experiment_lib
from bn_repro.training import identity, optimizer, parallel
from bn_repro.training import resume as progress_lib
from bn_repro.training.evaluator import Evaluator
from bn_repro.training.experiment import Experiment
from bn_repro.training.resume import Progress, joined, start_or_resume
from bn_repro.training.step import NORMS, TrainState, make_step


def segments(start: int, lengths: Lengths) -> Iterator[range]:
  """The steps from `start` to the end, cut wherever something is to be done."""
  intervals = (lengths.log_every, lengths.checkpoint_every)
  while start < lengths.train_for:
    events = ((start // every + 1) * every for every in intervals)
    stop = min(lengths.train_for, lengths.next_evaluation(start), *events)
    yield range(start, stop)
    start = stop


@settings.fixed()
def train(
  config: ConfigDict, workdir: Path, overrides: Sequence[str] = ()
) -> dict | None:
  """Trains to the end, from the newest good checkpoint if there is one.

  The workdir belongs to the run once devices, data and classes were there.

  Args:
    config: a config that `config.check` accepts.
    workdir: gets the config, metrics, checkpoints and, last, summary.json.
    overrides: what was asked for, for people to read.

  Returns:
    The summary, as written; None in a process that is not the first.

  Raises:
    UserError: the data set is missing, the devices do not fit the config, or what
      the workdir holds cannot be gone on from.
    MachineError: a checkpoint could not be saved.
    Preempted: a signal came; the steps so far are saved.
    OSError: the metrics could not be written.
  """
  experiment = experiment_lib.build(config)
  record = identity.check_data(workdir, config.dataset.name)
  workdir.mkdir(parents=True, exist_ok=True)
  changes = config_lib.changes(config, workdir)
  if not changes:
    _store(config, workdir, overrides)
  progress = start_or_resume(experiment, workdir)
  recorder = Recorder(workdir, config, progress.position)
  step = int(progress.state.step)
  record = identity.add_start(workdir, record, step, experiment.devices, changes)
  if changes:  # once it is recorded from which step on
    _store(config, workdir, overrides)
  with (
    Interruption() as interruption,
    recorder,
    Checkpoints(workdir) as checkpoints,
  ):
    trainer = Trainer(experiment, progress, interruption)
    trainer.take_all_steps(recorder, checkpoints)
  origin = _origin(trainer.progress.state, experiment) | {'identity': record}
  return recorder.write_summary(origin, experiment.lengths.train_for)


def _store(config: ConfigDict, workdir: Path, overrides: Sequence[str]) -> None:
  if collectives.is_first_process():
    config_lib.store(config, workdir, overrides)


class Trainer:
  """Takes the steps of an experiment; compiles once.

  Attributes:
    progress: how far it is.
  """

  def __init__(
    self, experiment: Experiment, progress: Progress, interruption: Interruption
  ):
    self._experiment = experiment
    self._lengths = experiment.lengths
    self._feed = experiment.feeds.train
    self._interruption = interruption
    self.progress = progress
    devices = experiment.devices
    self._spread = parallel.spread(make_step(experiment), devices)
    self._examples = parallel.replicate(self._feed.examples, devices)
    self._evaluate = Evaluator(experiment, self._examples, interruption.check)
    self._learning_rate = optimizer.learning_rate_schedule(
      experiment.config, experiment.lengths
    )

  def take_all_steps(self, recorder: Recorder, checkpoints: Checkpoints) -> None:
    """Trains, evaluates, records and saves until the last step or divergence.

    Raises:
      Preempted: a signal came; what was reached by then is saved.
    """
    self._interruption.save_with(lambda: self._save(checkpoints, recorder))
    try:
      if recorder.is_new:  # so that curves begin with the initial weights
        evaluation = self._evaluate(jax.device_get(self.progress.state))
        with watch.unbroken():
          recorder.record(0, {}, evaluation)
      self._take_all_steps(recorder, checkpoints)
    except Preempted:
      self._save(checkpoints, recorder)
      raise

  def _take_all_steps(self, recorder, checkpoints) -> None:
    first, last = self.progress.recorded_step, self._lengths.train_for
    remaining = segments(first, self._lengths)
    is_over = self._is_over(recorder)
    with _progress_bar(recorder.config, first, last) as bar:
      while not is_over and (steps := next(remaining, None)):
        scalars = self.take_steps(steps)
        if not self._record(recorder, steps, scalars):
          break
        is_over = self._is_over(recorder)
        if is_over or self._is_due(steps.stop, self._lengths.checkpoint_every):
          self._save(checkpoints, recorder)
        self._interruption.check_together()
        bar.update(len(steps))
        bar.set_postfix(recorder.headline(), refresh=False)

  def take_steps(self, steps: range) -> dict[str, float]:
    """Takes the steps; their mean loss and accuracy, last norms, rate and speed.

    Steps that were taken before the run was stopped are not taken again.
    """
    began, first = time.perf_counter(), int(self.progress.state.step)
    waited = 0.0
    state, measured, position = self.progress
    size = self._experiment.config.steps_per_call
    for part in _parts(range(first, steps.stop), size):
      is_last = np.asarray([step == steps[-1] for step in part])
      inputs, seconds = self._read(part, measured)
      waited += seconds
      state, metrics = self._spread(state, self._examples, inputs, is_last)
      # No more than two calls under way, or a signal would be heard late.
      jax.block_until_ready(measured[-1:])
      self._interruption.has_begun |= part.start > first
      measured = [*measured, metrics | _skipped(inputs)]
      self.progress = Progress(state, measured, position)
      self._interruption.check()
    scalars = _reduced(joined(jax.device_get(measured)))
    self._interruption.has_begun = True
    seconds = time.perf_counter() - began
    scalars['steps_per_second'] = (steps.stop - first) / seconds
    scalars[WAITING] = waited / seconds
    scalars['train/learning_rate'] = float(self._learning_rate(steps[-1]))
    if not scalars.setdefault(SKIPPED, float(self._feed.num_skipped)):
      del scalars[SKIPPED]
    return scalars

  def _read(self, part: range, measured: list) -> tuple[Any, float]:
    """The inputs of steps, and for how many seconds at most the device waited."""
    began = time.perf_counter()
    inputs = self._feed.inputs(part)
    seconds = time.perf_counter() - began
    # Those that a checkpoint brought are of NumPy.
    leaves = jax.tree.leaves(measured[-1:])
    is_busy = not all(a.is_ready() for a in leaves if isinstance(a, jax.Array))
    return inputs, 0.0 if is_busy else seconds

  def _record(self, recorder, steps: range, scalars: dict[str, float]) -> bool:
    """Evaluates if that is due, and records; False if something is not finite."""
    state = jax.device_get(self.progress.state)
    evaluation = None
    is_finite = recorder.is_finite(scalars) and progress_lib.is_finite(state)
    if is_finite and self._lengths.is_evaluated(steps.stop):
      evaluation = self._evaluate(state)
      is_finite = recorder.is_finite(evaluation[0])
    with watch.unbroken():  # or a checkpoint could hold again what is recorded
      if is_finite:
        recorder.record(steps.stop, scalars, evaluation)
      else:
        recorder.record_divergence(steps, scalars)
      self.progress = self.progress._replace(measured=[])
    return is_finite

  def _save(self, checkpoints, recorder) -> None:
    """Saves how far the run is, if all of it is finite."""
    with watch.unbroken():
      progress = self.progress._replace(position=recorder.position())
      arrays = progress.to_checkpoint()
      if progress_lib.is_finite(arrays.arrays):
        checkpoints.save(arrays)

  def _is_over(self, recorder: Recorder) -> bool:
    """Whether accuracy has not risen for as long as the config has patience."""
    patience = recorder.config.get('patience', 0)
    at_least = self._lengths.train_at_least or 0
    # The history of a process that is not the first may begin where it resumed.
    return collectives.any_process(
      summary.has_stopped_rising(recorder.history, patience, at_least)
    )

  def _is_due(self, step: int, every: int) -> bool:
    return step % every == 0 or step == self._lengths.train_for


def _parts(steps: range, size: int) -> Iterator[range]:
  """Consecutive steps, at most `size` at a time."""
  for start in range(steps.start, steps.stop, size):
    yield range(start, min(start + size, steps.stop))


def _skipped(inputs: Any) -> dict[str, np.ndarray]:
  """How many images were skipped for each step, if these inputs tell."""
  if not hasattr(inputs, 'skipped'):
    return {}
  return {SKIPPED: np.sum(inputs.skipped, axis=-1, dtype=np.float32)}


def _reduced(columns: dict[str, np.ndarray]) -> dict[str, float]:
  """Means over all steps, the norms of the last one, the sum of skipped images.

  In NumPy: JAX's own reductions of what `pmap` returns can be wrong.
  """
  others = dict.fromkeys(NORMS, lambda values: values[-1]) | {SKIPPED: np.sum}
  return {
    tag: float(others.get(tag, np.mean)(values)) for tag, values in columns.items()
  }


def _progress_bar(config: ConfigDict, step: int, total: int):
  return progress_bar(
    total, 'step', f'{config.network} seed {config.seed}',
    initial=step, smoothing=0.05, disable=not collectives.is_first_process(),
  )  # fmt: skip


def _origin(state: TrainState, experiment: Experiment) -> dict:
  """What the summary says of the network, the code and the machine."""
  number = sum(leaf.size for leaf in jax.tree.leaves(state.params))
  return {'parameters': number, **provenance.origin(experiment.devices)}
