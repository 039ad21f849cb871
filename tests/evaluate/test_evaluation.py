"""Whole evaluations: of one run, of several, resumed, and refused."""

import json
import shutil
from unittest import mock

import jax
import numpy as np
import pytest
from fake_experiment import only_rows

from bn_repro.data import sources
from bn_repro.evaluate import crops, evaluation
from bn_repro.evaluate.evaluation import evaluate, predict
from bn_repro.evaluate.network import restore
from bn_repro.evaluate.predictions import Predictions
from bn_repro.evaluate.request import MOVING_AVERAGE, POPULATION, Request
from bn_repro.run import config as config_lib
from bn_repro.run import summary
from bn_repro.run.errors import Preempted, UserError
from bn_repro.training.loop import train
from data.prepared import NUM_CLASSES, examples, prepare, prepare_mnist
from data.prepared import small_config as small_photographs
from evaluate.saved import save_run
from support import small_config

BROKEN = range(8)  # as many as there are devices


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
  """Two runs on the digits, trained to their end."""
  workdirs = []
  for seed in (0, 1):
    workdir = tmp_path_factory.mktemp('runs') / f'seed_{seed}'
    workdir.mkdir()
    config = small_config('batch_norm', seed=seed, num_devices=1)
    config_lib.store(config, workdir, [])
    train(config, workdir)
    workdirs.append(workdir)
  return workdirs


@pytest.mark.slow
@pytest.mark.parametrize('kind', ['population', 'moving_average'])
def test_the_scores_are_those_that_training_found(trained, kind):
  """With population statistics, and with the moving average."""
  found = evaluate(trained[:1], Request(statistics=kind, population_batches=5))
  own = summary.read(trained[0])
  name = 'final_test_accuracy'
  expected = own[name if kind == 'population' else f'{name}_moving_average']
  (member,) = found['members']
  assert member['top_1']['accuracy'] == expected
  assert (member['examples'], member['step']) == (360, 40)
  assert 'ensemble' not in found


@pytest.mark.slow
def test_an_ensemble_is_the_mean_of_its_members(trained, tmp_path, capsys):
  output = tmp_path / 'scores.json'
  found = evaluate(trained, Request(), output)
  assert json.loads(output.read_text()) == json.loads(json.dumps(found))
  rows = [predict(restore(workdir), Request()).read() for workdir in trained]
  mean = (rows[0]['probabilities'] + rows[1]['probabilities']) / 2
  labels = sources.load('digits').test.labels
  np.testing.assert_array_equal(rows[0]['labels'], labels)
  expected = np.mean(np.argmax(mean, axis=1) == labels)
  assert found['ensemble']['top_1']['accuracy'] == expected
  printed = capsys.readouterr().out
  assert 'digits: 360 examples, 1 crop(s) of each; statistics: population' in printed
  for name in ('batch_norm, seed 0', 'batch_norm, seed 1', 'ensemble of 2'):
    assert name in printed
  assert f'{expected:.2%}'.replace('%', ' %') in printed


def test_other_members_write_another_page(trained):
  networks = [restore(workdir) for workdir in trained]
  page_of = lambda members: (
    evaluation._default_output(members, Request(), 'digits').name
  )
  pages = [page_of(m) for m in (networks, networks[::-1], networks[:1], networks * 2)]
  assert len({*pages}) == 4 and page_of(networks) == pages[0]
  assert pages[0].startswith('ensemble_of_2_') and pages[2].startswith('digits_1_crop')


def test_the_first_examples_alone(trained):
  whole = predict(restore(trained[0]), Request()).read()
  some = predict(restore(trained[0]), Request(examples=100)).read()
  assert len(some) == 100
  np.testing.assert_array_equal(some['labels'], whole['labels'][:100])
  np.testing.assert_allclose(
    some['probabilities'], whole['probabilities'][:100], rtol=1e-5
  )


@pytest.fixture(scope='module')
def photographs(tmp_path_factory):
  """A run on photographs, and where data sets are: 9 to evaluate on, 100 classes."""
  data_dir = tmp_path_factory.mktemp('data')
  shapes = ((40, 60), (50, 50))
  prepare(data_dir, 'photographs', examples(12), examples(9, shapes))
  prepare(data_dir, 'others', examples(3), examples(4))
  prepare(data_dir, 'squares', examples(3, ((30, 30),)), examples(9, ((30, 30),)))
  digits = examples(2, ((28, 28),), kind='PNG')
  prepare_mnist(data_dir, digits, digits)
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv('TFDS_DATA_DIR', str(data_dir))
    patch.setattr(crops, 'CHUNK', 2)
    only_rows(patch, '3c', '5b')
    patch.setattr(jax, 'local_devices', lambda: jax.devices()[:2])
    workdir = tmp_path_factory.mktemp('runs') / 'photographs'
    config = small_photographs('photographs', **{'dataset.feed': 'stream'})
    yield save_run(config, workdir)


class Stop:
  """Gives an evaluation up at the call with that number."""

  def __init__(self, at):
    self.remaining = at

  def __call__(self):
    self.remaining -= 1
    if self.remaining < 0:
      raise Preempted('stopped')


@pytest.mark.slow
def test_an_evaluation_that_was_stopped_goes_on(photographs, tmp_path, monkeypatch):
  """The same bits, wherever it was stopped; nothing is answered twice."""
  request = Request(crops=144, statistics=MOVING_AVERAGE)
  network = restore(photographs)
  whole = np.array(predict(network, request).read())
  copy = network._replace(workdir=tmp_path)
  calls = []
  for stop in (1, 3, 2, 99):
    check = Stop(stop)
    try:
      rows = predict(copy, request, check).read()
    except Preempted:
      rows = None
    calls.append(stop - check.remaining)
  np.testing.assert_array_equal(rows, whole)
  # Of five chunks of images; one that was stopped in its middle is begun again.
  assert sum(calls) <= 5 * 3 + 3


@pytest.mark.slow
def test_finished_answers_are_taken_from_the_file(photographs, monkeypatch):
  network, request = restore(photographs), Request(statistics=MOVING_AVERAGE)
  first = np.array(predict(network, request).read())
  monkeypatch.setattr(evaluation, '_complete', None)
  np.testing.assert_array_equal(predict(network, request).read(), first)


def add_one(file, *_):
  """In place of a network's answers: one, and nothing is left out."""
  file.append(Predictions([0], [True], [1], np.ones((1, NUM_CLASSES))), 0.0)
  file.complete()


def test_answers_depend_on_the_training_set_of_their_statistics(tmp_path, monkeypatch):
  """Prepared anew, though the other set that is evaluated is not."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path / 'data'))
  prepare(tmp_path / 'data', 'photographs', examples(3), examples(2))
  prepare(tmp_path / 'data', 'others', examples(3), examples(4))
  network = restore(save_run(small_photographs('photographs'), tmp_path / 'run'))
  begun = mock.Mock(side_effect=add_one)
  monkeypatch.setattr(evaluation, '_complete', begun)
  requests = [
    Request(dataset='others', statistics=kind) for kind in (POPULATION, MOVING_AVERAGE)
  ]
  given = network._replace(population_batches=Request().population_batches)
  for of_one in (network, network, given._replace(workdir=tmp_path / 'given')):
    for request in requests:
      predict(of_one, request)
  assert begun.call_count == 4
  shutil.rmtree(tmp_path / 'data' / 'photographs')
  prepare(tmp_path / 'data', 'photographs', examples(5), examples(2))
  for request in requests:
    predict(network, request)
    predict(given._replace(workdir=tmp_path / 'given'), request)
  assert begun.call_count == 5


@pytest.mark.slow
def test_another_data_set_with_the_same_classes(photographs):
  network = restore(photographs)
  predict(network, Request(dataset='others', statistics=MOVING_AVERAGE))
  assert network.config.dataset.name == 'photographs'
  found = evaluate([photographs], Request(dataset='others', statistics=MOVING_AVERAGE))
  assert found['dataset'] == 'others' and found['members'][0]['examples'] == 4


@pytest.mark.slow
def test_the_table_says_how_many_crops_differ(photographs, capsys):
  request = Request(dataset='squares', crops=144, statistics=MOVING_AVERAGE)
  found = evaluate([photographs], request)
  assert found['different_crops'] == 48
  assert '144 crop(s) of each, of which 48 differ' in capsys.readouterr().out


def refused(workdirs, *request, **fields):
  """What is said, in one line."""
  with pytest.raises(UserError) as caught:
    evaluate(workdirs, Request(*request, **fields))
  assert '\n' not in str(caught.value)
  return str(caught.value)


@pytest.mark.slow
def test_a_data_set_without_a_name(photographs):
  """Such as --dataset=$NAME of a variable that is not set."""
  text = refused([photographs], dataset='', statistics=MOVING_AVERAGE)
  assert "--dataset='': choose the name of a data set, such as" in text


@pytest.mark.slow
def test_what_does_not_fit_together(trained, photographs):
  assert 'only runs on one data set make an ensemble' in refused(
    [trained[0], photographs]
  )
  assert 'photographs has 100 classes, but' in refused(
    trained[:1], dataset='photographs'
  )
  assert 'digits has 10 classes, but' in refused([photographs], dataset='digits')
  assert 'choose the name of a data set, such as' in refused(
    [photographs], dataset='/data/mnist'
  )
  assert 'mnist have another size' in refused(trained[:1], dataset='mnist')
  assert 'use --crops=1' in refused(trained[:1], crops=144)
  assert 'fewer than the 2 devices' in refused([photographs], examples=1)
  assert "data set 'nothing' is not in" in refused([photographs], dataset='nothing')


@pytest.mark.slow
@pytest.mark.parametrize('feed', ['stream', 'resident'])
def test_what_cannot_be_read_is_left_out_and_counted(feed, tmp_path, monkeypatch):
  """However the images are read; and where nothing is left, there is no score."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  squares = ((30, 30),)
  prepare(
    tmp_path, 'broken', examples(12, squares), examples(12, squares, broken=BROKEN)
  )
  config = small_photographs(
    'broken', **{'dataset.feed': feed, 'dataset.on_corrupt': 'skip'}
  )
  workdir = save_run(config, tmp_path / 'run')
  found = evaluate([workdir], Request(statistics=MOVING_AVERAGE))
  assert (found['members'][0]['examples'], found['examples_left_out']) == (4, 8)
  if feed == 'stream':
    assert 'none of the 8 examples can be read' in refused(
      [workdir], statistics=MOVING_AVERAGE, examples=8
    )


def test_a_crop_that_is_larger_than_the_images(photographs, tmp_path):
  config = small_photographs('squares', **{'dataset.feed': 'resident'})
  config.dataset.size = 31
  workdir = save_run(config, tmp_path / 'run')
  text = refused([workdir], statistics=MOVING_AVERAGE)
  assert 'images of 30x30 are smaller than the crop' in text
  assert 'a data set of larger images' in text  # the crop of a run stays what it is


def test_a_result_that_cannot_be_written_is_known_before_the_work(
  photographs, tmp_path
):
  with pytest.raises(UserError, match='there is no directory'):
    evaluate([photographs], Request(), tmp_path / 'nowhere' / 'scores.json')
