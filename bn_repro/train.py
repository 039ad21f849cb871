"""The training loop.

A run is a pure function of its config: the initial weights come from the seed,
the examples of step t from (seed, t), and nothing else is random.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict
from tqdm import tqdm

from bn_repro import models, optimizer, parallel, provenance
from bn_repro.checkpoint import Checkpoints
from bn_repro.data import sources
from bn_repro.data.pipeline import Feed
from bn_repro.evaluate import Evaluator
from bn_repro.metrics import Recorder

NORMS = ('train/gradient_norm', 'train/update_norm')


@flax.struct.dataclass
class TrainState:
  """Everything that a step changes; arrays only."""

  step: jax.Array
  params: Any
  batch_stats: Any
  optimizer_state: Any


def initial_state(model: nn.Module, config: ConfigDict, images) -> TrainState:
  """The state at step 0, for images shaped like these `[n, height, width]`."""
  example = jnp.zeros((1, *images.shape[1:]))
  variables = model.init(jax.random.key(config.seed), example, train=False)
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    params=variables['params'],
    batch_stats=variables.get('batch_stats', {}),
    optimizer_state=optimizer.build(config).init(variables['params']),
  )


def make_step(
  model: nn.Module, feed: Feed, config: ConfigDict, axis: str | None
) -> Callable:
  """One step of training: (state, examples, indices, is_last) -> state, metrics.

  Metrics are scalars: loss and accuracy of the mini-batch before the step, and
  the global norms of the gradient and of the update. The norms, a quarter of the
  time of a small step, are taken where `is_last` holds and 0 elsewhere.
  """
  transformation = optimizer.build(config)
  loss_and_gradient = jax.value_and_grad(_loss, has_aux=True)

  def norms_of(gradient, state):
    # The update again: shared with the step, it would be kept at every step.
    update, _ = transformation.update(gradient, state.optimizer_state, state.params)
    return dict(zip(NORMS, map(optax.tree.norm, (gradient, update))))

  def step(state, examples, indices, is_last):
    batch = feed.batch(examples, indices)
    (loss, (accuracy, batch_stats)), gradient = loss_and_gradient(
      state.params, state.batch_stats, model, batch
    )
    gradient, loss, accuracy = parallel.mean((gradient, loss, accuracy), axis)
    norms = jax.lax.cond(is_last, lambda: norms_of(gradient, state), _no_norms)
    update, optimizer_state = transformation.update(
      gradient, state.optimizer_state, state.params
    )
    params = optax.apply_updates(state.params, update)
    metrics = {'train/loss': loss, 'train/accuracy': accuracy} | norms
    return TrainState(state.step + 1, params, batch_stats, optimizer_state), metrics

  return step


def _loss(params, batch_stats, model, batch):
  """Mean cross-entropy of a mini-batch; and accuracy and the new `batch_stats`."""
  logits, updated = model.apply(
    {'params': params, 'batch_stats': batch_stats},
    batch.images, train=True, mutable=['batch_stats'],
  )  # fmt: skip
  losses = optax.softmax_cross_entropy_with_integer_labels(logits, batch.labels)
  accuracy = jnp.mean(jnp.argmax(logits, axis=-1) == batch.labels)
  return jnp.mean(losses), (accuracy, updated.get('batch_stats', {}))


def _no_norms():
  return {tag: jnp.zeros(()) for tag in NORMS}


def segments(start: int, config: ConfigDict) -> Iterator[range]:
  """The steps from `start` to the end, cut wherever something is to be done."""
  intervals = (config.log_every, config.evaluate_every, config.checkpoint_every)
  while start < config.num_steps:
    events = ((start // every + 1) * every for every in intervals)
    stop = min(config.num_steps, *events)
    yield range(start, stop)
    start = stop


def train(config: ConfigDict, workdir: Path) -> dict:
  """Trains to the end, from the newest checkpoint if there is one.

  Args:
    config: a config that `config.check` accepts.
    workdir: gets metrics, checkpoints and, last, summary.json.

  Returns:
    The summary, as written.

  Raises:
    UserError: the data set is missing or the devices do not fit the config.
  """
  devices = parallel.choose_devices(config.num_devices, config.batch_size)
  state, take_steps, evaluator = _prepare(config, devices)
  with Checkpoints(workdir / 'checkpoints') as checkpoints:
    state = checkpoints.restore_latest(jax.device_get(state)) or state
    with Recorder(workdir, config, int(state.step)) as recorder:
      state = _take_all_steps(state, take_steps, evaluator, recorder, checkpoints)
  return recorder.write_summary(_origin(state, devices))


def _prepare(config, devices) -> tuple[TrainState, Callable, Evaluator]:
  """The initial state, (state, steps) -> state, metrics, and the evaluator."""
  dataset = sources.load(config.dataset.name)
  axis = parallel.axis_name(devices)
  model = models.build(config, dataset.num_classes, axis)
  feed = Feed(dataset.train, config)
  spread = parallel.spread(make_step(model, feed, config, axis), devices)
  examples = parallel.replicate(feed.examples, devices)
  return (
    initial_state(model, config, dataset.train.images),
    lambda state, steps: spread(state, examples, feed.indices(steps)),
    Evaluator(model, feed, dataset.test, config),
  )


def _take_all_steps(state, take_steps, evaluator, recorder, checkpoints) -> TrainState:
  """Trains, evaluates, records and saves until the last step or divergence."""
  config = recorder.config
  start = int(state.step)
  if start == 0:  # so that curves begin with the initial weights
    recorder.record(0, {}, _evaluate(evaluator, jax.device_get(state)))
  with _progress_bar(config, start) as bar:
    for steps in segments(start, config):
      state, scalars = _timed(take_steps, state, steps)
      if not recorder.is_finite(scalars):
        recorder.record_divergence(steps, scalars)
        break
      host_state = jax.device_get(state)
      is_evaluated = _is_due(steps.stop, config.evaluate_every, config)
      evaluation = _evaluate(evaluator, host_state) if is_evaluated else None
      scalars['train/learning_rate'] = _learning_rate(steps.stop - 1, config)
      recorder.record(steps.stop, scalars, evaluation)
      if _is_due(steps.stop, config.checkpoint_every, config):
        checkpoints.save(steps.stop, host_state)
      bar.update(len(steps))
      bar.set_postfix(recorder.headline(), refresh=False)
  return state


def _timed(take_steps, state, steps):
  """Takes the steps; their mean loss and accuracy, last norms, and speed."""
  began = time.perf_counter()
  state, metrics = take_steps(state, steps)
  # JAX's own reductions of what `pmap` returns can be wrong: NumPy's instead.
  scalars = {
    tag: float(values[-1] if tag in NORMS else np.mean(values))
    for tag, values in jax.device_get(metrics).items()
  }
  scalars['steps_per_second'] = len(steps) / (time.perf_counter() - began)
  return state, scalars


def _evaluate(evaluator: Evaluator, state: TrainState):
  return evaluator(state.params, state.batch_stats)


def _learning_rate(step: int, config: ConfigDict) -> float:
  return float(optimizer.learning_rate_schedule(config)(step))


def _is_due(step: int, every: int, config: ConfigDict) -> bool:
  return step % every == 0 or step == config.num_steps


def _progress_bar(config: ConfigDict, step: int) -> tqdm:
  """Steps done and time left; in a log file, twice a minute."""
  return tqdm(
    total=config.num_steps, initial=step, unit='step', smoothing=0.05,
    mininterval=0.2 if sys.stderr.isatty() else 30, maxinterval=60,
    desc=f'{config.network} seed {config.seed}',
  )  # fmt: skip


def _origin(state: TrainState, devices: list[jax.Device]) -> dict:
  """What the summary says of the network, the code and the machine."""
  return {
    'parameters': sum(leaf.size for leaf in jax.tree.leaves(state.params)),
    'git_revision': provenance.git_revision(),
    'versions': provenance.versions(),
    'device': provenance.device(devices),
  }
