"""The loop: what is done at which step."""

import shutil
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from bn_repro.run import collectives, durations
from bn_repro.run.config import store, stored
from bn_repro.run.durations import Lengths
from bn_repro.run.errors import UserError
from bn_repro.run.records import WAITING
from bn_repro.training import loop, resume, step
from support import metrics_of, small_config, summary_of, without_times


def test_skipped_images_are_those_of_the_steps_of_a_line():
  """Not of a process, which may have resumed the run; in all, not as a mean."""
  inputs = SimpleNamespace(skipped=np.asarray([[0, 2, 1], [0, 0, 0], [4, 0, 0]]))
  counted = loop._skipped(inputs)
  np.testing.assert_array_equal(counted[loop.SKIPPED], [3, 0, 4])
  columns = counted | {'train/loss': np.asarray([1.0, 2.0, 6.0])}
  columns[loop.NORMS[0]] = np.asarray([1.0, 2.0, 9.0])
  assert loop._reduced(columns) == {
    loop.SKIPPED: 7.0, 'train/loss': 3.0, loop.NORMS[0]: 9.0
  }  # fmt: skip
  assert loop._skipped(SimpleNamespace(indices=[0])) == {}


@pytest.mark.parametrize('start', [0, 7, 20])
def test_segments_cover_every_step_and_end_where_something_is_due(start):
  cut = list(loop.segments(start, Lengths(45, 8, 12, 20)))
  steps = [step for segment in cut for step in segment]
  assert steps == list(range(start, 45))
  due = {s for s in range(start + 1, 45) if not (s % 8 and s % 12 and s % 20)} | {45}
  assert {segment.stop for segment in cut} == due


def test_a_resumed_run_is_cut_like_the_whole(config):
  lengths = durations.lengths(config, 1437)
  whole = list(loop.segments(0, lengths))
  assert list(loop.segments(20, lengths)) == [s for s in whole if s.start >= 20]


def test_two_identical_runs_give_the_same_bits(config, tmp_path):
  """Summaries and metrics are equal but for times."""
  first, second = (loop.train(config, tmp_path / name) for name in 'ab')
  assert without_times([first]) == without_times([second])
  lines = [without_times(metrics_of(tmp_path / name)) for name in 'ab']
  assert lines[0] == lines[1]
  assert [line['step'] for line in lines[0]] == [0, 10, 20, 30, 40]


def test_the_recorded_rate_is_that_of_the_step(config, tmp_path):
  """41 is one of the lengths at which optax's staircase falls a step late."""
  with config.unlocked():
    config.learning_rate_decay, config.learning_rate_decay_every = 0.5, '41 steps'
  config.train_for, config.log_every, config.evaluate_every = (
    '90 steps', '1 step', '90 steps'
  )  # fmt: skip
  loop.train(config, tmp_path)
  for line in metrics_of(tmp_path)[1:]:
    rate = config.learning_rate * 0.5 ** ((line['step'] - 1) // 41)
    norms = line['train/update_norm'] / line['train/gradient_norm']
    np.testing.assert_allclose([line['train/learning_rate'], norms], rate, rtol=1e-5)


def test_a_line_has_the_wait_of_the_process_that_waits_longest(
  config, tmp_path, monkeypatch
):
  """The others wait for it within a step, which tells them nothing of input."""
  monkeypatch.setattr(collectives, 'largest', lambda own: max(own, 0.9))
  loop.train(config, tmp_path)
  waited = [line.get(WAITING) for line in metrics_of(tmp_path)]
  assert waited == [None, 0.9, 0.9, 0.9, 0.9]


def without_gain(config):
  """A network that learns nothing, so that accuracy is the same at every step."""
  with config.unlocked():
    config.patience, config.train_at_least = 0.5, '30 steps'
  config.learning_rate = 1e-30
  return config


def test_training_ends_where_accuracy_has_not_risen_for_long(config, tmp_path):
  """At the first evaluation that is late enough, with a checkpoint of that step."""
  config = without_gain(config)
  config.train_for, config.checkpoint_every = '80 steps', '70 steps'
  summary = loop.train(config, tmp_path)
  assert (summary['num_steps'], summary['last_step']) == (80, 40)
  assert summary['final_test_accuracy'] == metrics_of(tmp_path)[-1]['test/accuracy']
  assert [path.name for path in (tmp_path / 'checkpoints').glob('[0-9]*')] == ['40']


def test_a_run_that_ended_early_and_lost_its_summary_trains_no_further(
  config, tmp_path
):
  config = without_gain(config)
  config.train_for = '80 steps'
  first = loop.train(config, tmp_path)
  (tmp_path / 'summary.json').unlink()
  again = loop.train(config, tmp_path)
  assert [start['steps'] for start in again.pop('identity')['starts']] == [[0, 40]]
  assert again == {name: first[name] for name in again}
  assert metrics_of(tmp_path)[-1]['step'] == 40


def begin_and_stop(config, workdir, train_for):
  """A run of that length which has taken 20 steps."""
  begun = config.copy_and_resolve_references()
  begun.train_for = '20 steps'
  loop.train(begun, workdir)
  (workdir / 'summary.json').unlink()
  begun.train_for = train_for
  store(begun, workdir, [])


@pytest.mark.parametrize(
  'before', [pytest.param('30 steps', marks=pytest.mark.slow), '90 steps']
)
def test_a_run_that_is_given_another_length_is_as_if_it_had_always_had_it(
  config, tmp_path, before
):
  """In every line and in the summary; the config that is kept is the new one."""
  whole = loop.train(config, tmp_path / 'whole')
  workdir = tmp_path / 'longer'
  begin_and_stop(config, workdir, before)
  store(config, workdir, [])
  assert without_times([loop.train(config, workdir)]) == without_times([whole])
  lines = [without_times(metrics_of(tmp_path / name)) for name in ('whole', 'longer')]
  assert lines[0] == lines[1]
  assert stored(workdir).train_for == config.train_for


@pytest.mark.parametrize('steps', [10, 20])
def test_a_run_is_not_made_shorter_than_it_is(config, tmp_path, steps):
  begin_and_stop(config, tmp_path, '90 steps')
  config.train_for = f'{steps} steps'
  with pytest.raises(UserError, match=f'has taken 20 steps, and .* is {steps};'):
    resume.check_begun(config, tmp_path)


def test_a_run_of_the_length_it_has_taken_may_be_asked_for_again(config, tmp_path):
  begin_and_stop(config, tmp_path, '20 steps')
  config.train_for = '20 steps'
  resume.check_begun(config, tmp_path)
  resume.check_begun(config, tmp_path / 'new')


def test_a_run_that_has_ended_where_a_longer_one_is_not_evaluated(config, tmp_path):
  """As if it was stopped in its last step: the curve would have a point too many."""
  config.train_for = '30 steps'
  whole = loop.train(config, tmp_path)
  (tmp_path / 'summary.json').unlink()
  before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*')}
  config.train_for = '40 steps'
  with pytest.raises(UserError, match=r"has taken all steps of .*'30 steps'.* step 30"):
    loop.train(config, tmp_path)
  assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*')}
  config.train_for = '30 steps'
  assert without_times([loop.train(config, tmp_path)]) == without_times([whole])


def test_another_seed_is_another_run(config, tmp_path):
  loop.train(config, tmp_path / 'a')
  config.seed = 1
  loop.train(config, tmp_path / 'b')
  losses = [
    [line['test/loss'] for line in metrics_of(tmp_path / name) if 'test/loss' in line]
    for name in 'ab'
  ]
  assert len(losses[0]) == 3 and not {*losses[0]} & {*losses[1]}


@pytest.mark.slow
def test_a_run_over_four_devices_is_that_of_one_to_rounding(config, tmp_path):
  """From the first line to the summary, and from a checkpoint on."""
  alone = loop.train(config, tmp_path / 'alone')
  config.num_devices = 4
  together = loop.train(config, tmp_path / 'together')
  assert together['device'].startswith('4 x cpu')
  for left, right in zip(*(metrics_of(tmp_path / n) for n in ('alone', 'together'))):
    assert left['step'] == right['step']
    for tag in {'train/loss', 'test/loss'} & left.keys():
      assert left[tag] == pytest.approx(right[tag], rel=1e-3)
  assert alone['steps_to_target'] == together['steps_to_target']
  shutil.rmtree(tmp_path / 'together' / 'checkpoints' / '40')
  again = loop.train(config, tmp_path / 'together')
  assert without_times([again]) == without_times([together])


def a_loss(bad, state, metrics):
  return state, metrics | {'train/loss': metrics['train/loss'] + bad}


def a_parameter(bad, state, metrics):
  return state.replace(params=jax.tree.map(lambda x: x + bad, state.params)), metrics


def a_statistic(bad, state, metrics):
  """Training goes on without a sign: it does not use the moving averages."""
  stats = jax.tree.map(lambda x: x + bad, state.batch_stats)
  return state.replace(batch_stats=stats), metrics


@pytest.mark.slow
@pytest.mark.fault('something that is not finite')
@pytest.mark.parametrize('poison', [a_loss, a_parameter, a_statistic])
def test_divergence_stops_the_run_and_is_reported(tmp_path, monkeypatch, poison):
  """Noticed at the next record, whatever it is; no such state is saved."""
  config = small_config('batch_norm')
  make_step = step.make_step

  def diverging(*arguments):
    taken = make_step(*arguments)

    def poisoned(state, *others):
      state, metrics = taken(state, *others)
      bad = jax.numpy.where(state.step > 25, jax.numpy.nan, 0.0)
      return poison(bad, state, metrics)

    return poisoned

  monkeypatch.setattr(step, 'make_step', diverging)
  summary = loop.train(config, tmp_path)
  assert summary == summary_of(tmp_path)
  assert summary['diverged'] and summary['diverged_between_steps'] == [20, 30]
  saved = [int(path.name) for path in (tmp_path / 'checkpoints').iterdir()]
  assert saved == [20]


@pytest.mark.slow
def test_batch_normalization_learns_faster_on_the_digits(tmp_path):
  """Claim 1 in small: steps to 90 % at equal rate, weights and examples."""
  steps = {}
  for network in ('batch_norm', 'baseline'):
    config = small_config(
      network,
      train_for='600 steps',
      learning_rate=0.5,
      evaluate_every='50 steps',
      log_every='50 steps',
    )
    summary = loop.train(config, tmp_path / network)
    steps[network] = summary['steps_to_target']['0.9'] or np.inf
  assert 3 * steps['batch_norm'] < min(steps['baseline'], 600)
