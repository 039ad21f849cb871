"""The training loop.

A run is a pure function of its config: the initial weights come from the seed,
the examples of step t, and every other random number, from (seed, t).
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from bn_repro import experiment as experiment_lib
from bn_repro import optimizer, parallel, provenance
from bn_repro.checkpoint import Checkpoints
from bn_repro.durations import Lengths
from bn_repro.evaluate import Evaluator
from bn_repro.experiment import Experiment
from bn_repro.metrics import Recorder
from bn_repro.step import NORMS, TrainState, initial_state, make_step


def segments(start: int, lengths: Lengths) -> Iterator[range]:
  """The steps from `start` to the end, cut wherever something is to be done."""
  intervals = (lengths.log_every, lengths.evaluate_every, lengths.checkpoint_every)
  while start < lengths.train_for:
    events = ((start // every + 1) * every for every in intervals)
    stop = min(lengths.train_for, *events)
    yield range(start, stop)
    start = stop


def train(config: ConfigDict, workdir: Path) -> dict | None:
  """Trains to the end, from the newest checkpoint if there is one.

  Args:
    config: a config that `config.check` accepts.
    workdir: gets metrics, checkpoints and, last, summary.json.

  Returns:
    The summary, as written; None in a process that is not the first.

  Raises:
    UserError: the data set is missing or the devices do not fit the config.
  """
  experiment = experiment_lib.build(config)
  state = initial_state(experiment)
  trainer = Trainer(experiment)
  with Checkpoints(workdir / 'checkpoints') as checkpoints:
    state = checkpoints.restore_latest(jax.device_get(state)) or state
    with Recorder(workdir, config, int(state.step)) as recorder:
      state = trainer.take_all_steps(state, recorder, checkpoints)
  origin = _origin(state, experiment)
  return recorder.write_summary(origin, experiment.lengths.train_for)


class Trainer:
  """Takes the steps of an experiment; compiles once."""

  def __init__(self, experiment: Experiment):
    self._experiment = experiment
    self._lengths = experiment.lengths
    self._feed = experiment.feeds.train
    devices = experiment.devices
    self._spread = parallel.spread(make_step(experiment), devices)
    self._examples = parallel.replicate(self._feed.examples, devices)
    self._evaluate = Evaluator(experiment, self._examples)
    self._learning_rate = optimizer.learning_rate_schedule(
      experiment.config, experiment.lengths
    )

  def take_all_steps(self, state, recorder, checkpoints) -> TrainState:
    """Trains, evaluates, records and saves until the last step or divergence."""
    start = int(state.step)
    if start == 0:  # so that curves begin with the initial weights
      recorder.record(0, {}, self._evaluate(jax.device_get(state)))
    with _progress_bar(recorder.config, start, self._lengths.train_for) as bar:
      for steps in segments(start, self._lengths):
        state, scalars = self.take_steps(state, steps)
        if not recorder.is_finite(scalars):
          recorder.record_divergence(steps, scalars)
          break
        evaluation = None
        if self._is_due(steps.stop, self._lengths.evaluate_every):
          evaluation = self._evaluate(jax.device_get(state))
        recorder.record(steps.stop, scalars, evaluation)
        if self._is_due(steps.stop, self._lengths.checkpoint_every):
          checkpoints.save(steps.stop, jax.device_get(state))
        bar.update(len(steps))
        bar.set_postfix(recorder.headline(), refresh=False)
    return state

  def take_steps(self, state, steps: range) -> tuple[TrainState, dict[str, float]]:
    """Takes the steps; their mean loss and accuracy, last norms, rate and speed."""
    began = time.perf_counter()
    measured = []
    for part in _parts(steps, self._experiment.config.steps_per_call):
      is_last = np.asarray([step == steps[-1] for step in part])
      inputs = self._feed.inputs(part)
      state, metrics = self._spread(state, self._examples, inputs, is_last)
      measured.append(metrics)
    scalars = _reduced(jax.device_get(measured))
    scalars['steps_per_second'] = len(steps) / (time.perf_counter() - began)
    scalars['train/learning_rate'] = float(self._learning_rate(steps[-1]))
    if self._feed.num_skipped:
      scalars['data/skipped_images'] = float(self._feed.num_skipped)
    return state, scalars

  def _is_due(self, step: int, every: int) -> bool:
    return step % every == 0 or step == self._lengths.train_for


def _parts(steps: range, size: int) -> Iterator[range]:
  """Consecutive steps, at most `size` at a time."""
  for start in range(steps.start, steps.stop, size):
    yield range(start, min(start + size, steps.stop))


def _reduced(measured: list[dict[str, np.ndarray]]) -> dict[str, float]:
  """Means over all steps, and the norms of the last one.

  In NumPy: JAX's own reductions of what `pmap` returns can be wrong.
  """
  columns = {
    tag: np.concatenate([metrics[tag] for metrics in measured]) for tag in measured[0]
  }
  return {
    tag: float(values[-1] if tag in NORMS else np.mean(values))
    for tag, values in columns.items()
  }


def _progress_bar(config: ConfigDict, step: int, total: int) -> tqdm:
  """Steps done and time left; in a log file, twice a minute."""
  return tqdm(
    total=total, initial=step, unit='step', smoothing=0.05,
    mininterval=0.2 if sys.stderr.isatty() else 30, maxinterval=60,
    desc=f'{config.network} seed {config.seed}',
    disable=not parallel.is_first_process(),
  )  # fmt: skip


def _origin(state: TrainState, experiment: Experiment) -> dict:
  """What the summary says of the network, the code and the machine."""
  return {
    'parameters': sum(leaf.size for leaf in jax.tree.leaves(state.params)),
    'git_revision': provenance.git_revision(),
    'versions': provenance.versions(),
    'device': provenance.device(experiment.devices),
  }
