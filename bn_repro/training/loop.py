"""The training loop.

A run is a pure function of its config: the initial weights come from the seed, the
examples of step t, and every other random number, from (seed, t); on several devices
dropout and noise depend on the device, too.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from bn_repro.run import collectives, provenance, settings, watch
from bn_repro.run import config as config_lib
from bn_repro.run import percentiles as tags
from bn_repro.run.checkpoint import Checkpoints
from bn_repro.run.durations import Lengths
from bn_repro.run.errors import Preempted
from bn_repro.run.progress import progress_bar
from bn_repro.run.records import SKIPPED, WAITING, Recorder
from bn_repro.run.signals import Interruption
from bn_repro.training import experiment as experiment_lib
from bn_repro.training import identity, parallel, percentiles, resume
from bn_repro.training.evaluator import Evaluator, SigmoidInputs
from bn_repro.training.experiment import Experiment
from bn_repro.training.outcome import has_stopped_rising, outcome
from bn_repro.training.probes import probes
from bn_repro.training.resume import Progress, is_finite, joined, start_or_resume
from bn_repro.training.step import NORMS, Steps

# Of the test examples whose sigmoid inputs TensorBoard shows.
_IN_HISTOGRAM = 1000


def segments(start: int, lengths: Lengths) -> Iterator[range]:
  """The steps from `start` to the end, cut wherever something is due."""
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

  Nothing is written until devices, data and classes are found to be right.

  Args:
    config: a config that `config.check` accepts.
    workdir: gets the config, metrics, checkpoints and, last, summary.json.
    overrides: what was asked for, for people to read.

  Returns:
    The summary, as written; None in a process that is not the first.

  Raises:
    Preempted: a signal came; the steps so far are saved.
  """
  identity.check_config(config)
  probes.check(config)
  experiment = experiment_lib.build(config)
  record = identity.check_data(workdir, config.dataset.name)
  workdir.mkdir(parents=True, exist_ok=True)
  changes = config_lib.changes(config, workdir)
  progress = start_or_resume(experiment, workdir)
  if not changes:  # and the network can be built
    _store(config, workdir, overrides)
  recorder = Recorder(workdir, progress.position)
  resume.check_evaluations(recorder.history, experiment.lengths, changes)
  step = int(progress.state.step)
  record = identity.add_start(workdir, record, step, experiment.devices, changes)
  if changes:  # once it is recorded from which step on
    _store(config, workdir, overrides)
  with (
    Interruption() as interruption,
    recorder,
    Checkpoints(workdir) as checkpoints,
  ):
    trainer = Trainer(experiment, progress, recorder, checkpoints, interruption)
    trainer.train()
  if not collectives.is_first_process():
    return None
  summary = trainer.summary() | {
    'identity': record,
    'config': config_lib.flatten(config),
  }
  recorder.write_summary(summary)
  return summary


def _store(config: ConfigDict, workdir: Path, overrides: Sequence[str]) -> None:
  if collectives.is_first_process():
    config_lib.store(config, workdir, overrides)


class Trainer:
  """Takes the steps of an experiment; compiles once."""

  def __init__(
    self,
    experiment: Experiment,
    progress: Progress,
    recorder: Recorder,
    checkpoints: Checkpoints,
    interruption: Interruption,
  ):
    self._experiment = experiment
    state = parallel.on_one(progress.state, experiment.devices)
    self._progress = progress._replace(state=state)
    self._recorder = recorder
    self._checkpoints = checkpoints
    self._interruption = interruption
    self._diverged_between = None
    self._feed = experiment.feeds.train
    self._take = Steps(experiment)
    self._evaluate = Evaluator(
      experiment, self._take.on_devices.examples, interruption.check
    )

  def train(self) -> None:
    """Trains to the last step or divergence; on a signal saves and raises Preempted."""
    self._interruption.save_with(self._save)
    try:
      if self._recorder.is_new:  # so that curves begin with the initial weights
        self._record(0, *self._evaluate(jax.device_get(self._progress.state)))
      self._train()
    except Preempted:
      self._save()
      raise

  def _train(self) -> None:
    """Train, evaluate, record, save, stop? From what is recorded to the end."""
    first, lengths = self._progress.recorded_step, self._experiment.lengths
    remaining, is_over = segments(first, lengths), self._has_stopped_rising()
    with _progress_bar(self._experiment.config, first, lengths.train_for) as bar:
      while not is_over and (steps := next(remaining, None)):
        scalars = self.take_steps(steps)
        state = jax.device_get(self._progress.state)
        evaluation, inputs = {}, None
        has_diverged = not is_finite((scalars, state))
        if not has_diverged and lengths.is_evaluated(steps.stop):
          evaluation, inputs = self._evaluate(state)
          has_diverged = not is_finite(evaluation)
        if has_diverged:
          self._diverged_between = [steps.start, steps.stop]
          self._record(steps.stop, scalars)
          break
        self._record(steps.stop, scalars | evaluation, inputs)
        is_over = self._has_stopped_rising()
        is_last = steps.stop == lengths.train_for
        if is_over or is_last or steps.stop % lengths.checkpoint_every == 0:
          self._save()
        self._interruption.check_together()
        bar.update(len(steps))
        bar.set_postfix(self._recorder.headline(), refresh=False)

  def take_steps(self, steps: range) -> dict[str, float]:
    """Takes the steps; their mean loss and accuracy, last norms, speed and so on.

    Steps that were taken before the run was stopped are not taken again.
    """
    began, first = time.perf_counter(), int(self._progress.state.step)
    waited = 0.0
    state, measured, position = self._progress
    size = self._experiment.config.steps_per_call
    for part in _parts(range(first, steps.stop), size):
      inputs, seconds = self._read(part, measured)
      waited += seconds
      state, metrics = self._take(state, part, inputs, last=steps[-1])
      # No more than two calls under way, or a signal would be heard late.
      jax.block_until_ready(measured[-1:])
      self._interruption.has_begun |= part.start > first
      measured = [*measured, metrics | _skipped(inputs)]
      self._progress = Progress(state, measured, position)
      self._interruption.check()
    scalars = _reduced(joined(jax.device_get(measured)))
    self._interruption.has_begun = True
    seconds = time.perf_counter() - began
    if first < steps.stop:  # else they were taken before the run was stopped
      scalars['steps_per_second'] = (steps.stop - first) / seconds
      # A process that reads fast waits for the others inside a step, not for input: so
      # the largest share counts.
      scalars[WAITING] = collectives.largest(waited / seconds)
    scalars['train/learning_rate'] = float(self._experiment.learning_rates(steps[-1]))
    scalars[SKIPPED] = self._num_skipped(scalars.get(SKIPPED))
    if not scalars[SKIPPED]:
      del scalars[SKIPPED]
    return scalars

  def _num_skipped(self, here: float | None) -> float:
    """How many images all processes have left out.

    `here` counts those in this process's share of the mini-batches; None of a feed that
    every process has read whole when it was opened.
    """
    if here is None:
      return float(self._feed.num_skipped)
    return float(collectives.sum_over_processes(int(here)))

  def _read(self, part: range, measured: list) -> tuple[Any, float]:
    """The inputs of steps, and for how many seconds at most the device waited."""
    began = time.perf_counter()
    inputs = self._feed.inputs(part)
    seconds = time.perf_counter() - began
    # Those that come from a checkpoint are NumPy arrays.
    leaves = jax.tree.leaves(measured[-1:])
    is_busy = not all(a.is_ready() for a in leaves if isinstance(a, jax.Array))
    return inputs, 0.0 if is_busy else seconds

  def _record(
    self, step: int, scalars: dict[str, float], inputs: SigmoidInputs = None
  ) -> None:
    histograms = {}
    if inputs is not None:
      scalars |= percentiles.scalars(inputs, self._experiment.config.tracked_unit)
      histograms['sigmoid_input/last_hidden_layer'] = inputs[:_IN_HISTOGRAM]
    with watch.unbroken():  # or a signal could save measurements once more
      if histograms and step == 0:
        self._recorder.chart('figure 1 (b, c)', 'sigmoid input', tags.TAGS)
      self._recorder.record(step, scalars, histograms)
      self._progress = self._progress._replace(measured=[])

  def _save(self) -> None:
    with watch.unbroken():
      progress = self._progress._replace(position=self._recorder.position())
      checkpoint = progress.to_checkpoint()
      if is_finite(checkpoint.arrays):
        self._checkpoints.save(checkpoint)

  def _has_stopped_rising(self) -> bool:
    patience = self._experiment.config.get('patience', 0)
    at_least = self._experiment.lengths.train_at_least or 0
    # The history of a process that is not the first may begin where it resumed.
    return collectives.any_process(
      has_stopped_rising(self._recorder.history, patience, at_least)
    )

  def summary(self) -> dict[str, Any]:
    """What the run came to, and of the network, the code and the machine."""
    config, lengths = self._experiment.config, self._experiment.lengths
    params = jax.tree.leaves(self._progress.state.params)
    return {
      **outcome(
        self._recorder.history, config, lengths.train_for, self._diverged_between
      ),
      'parameters': sum(leaf.size for leaf in params),
      **provenance.origin(self._experiment.devices),
    }


def _parts(steps: range, size: int) -> Iterator[range]:
  for start in range(steps.start, steps.stop, size):
    yield range(start, min(start + size, steps.stop))


def _skipped(inputs: Any) -> dict[str, np.ndarray]:
  """How many images this process skipped at each step, if the inputs have that."""
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
