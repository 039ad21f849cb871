"""The page of scores names what was used, and counts what was left out."""

import jax
import pytest
from fake_experiment import only_rows

from bn_repro.evaluate.evaluation import evaluate
from bn_repro.evaluate.request import MOVING_AVERAGE, POPULATION, Request
from bn_repro.run.errors import UserError
from data.prepared import examples, prepare
from data.prepared import small_config as small_photographs
from evaluate.saved import save_run
from support import small_config

SIZES = {'model.hidden_sizes': (7,)}


@pytest.mark.parametrize(
  'network, kind, expected',
  [
    ('batch_norm', POPULATION, (POPULATION, 3)),
    ('batch_norm', MOVING_AVERAGE, (MOVING_AVERAGE, None)),
    ('baseline', POPULATION, (None, None)),
    ('baseline', MOVING_AVERAGE, (None, None)),
  ],
)
def test_statistics_that_were_not_used_are_null(
  tmp_path, capsys, network, kind, expected
):
  workdir = save_run(small_config(network, **SIZES), tmp_path / 'run')
  request = Request(statistics=kind, population_batches=3, examples=20)
  page = evaluate([workdir], request)
  assert (page['statistics'], page['population_batches']) == expected
  assert ('; statistics: ' in capsys.readouterr().out) == (network == 'batch_norm')


def test_of_an_ensemble_those_of_any_member(tmp_path):
  workdirs = [
    save_run(small_config(network, **SIZES), tmp_path / network)
    for network in ('baseline', 'batch_norm')
  ]
  page = evaluate(workdirs, Request(population_batches=3, examples=20))
  assert (page['statistics'], page['population_batches']) == (POPULATION, 3)


@pytest.mark.slow
@pytest.mark.fault('an image that cannot be read')
@pytest.mark.parametrize('feed', ['stream', 'resident'])
def test_left_out_are_images_among_those_asked_for(feed, tmp_path, monkeypatch):
  """However they are read: of the first 9, or the first 20, or all 24; by member."""
  monkeypatch.setattr(jax, 'local_devices', lambda: jax.devices()[:1])
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  only_rows(monkeypatch, '3c', '5b')
  squares = ((30, 30),)
  broken = examples(24, squares, broken=(1, 15, 22))
  prepare(tmp_path, 'broken', examples(12, squares), broken)
  workdirs = []
  for seed in (0, 1):
    fields = {'dataset.feed': feed, 'dataset.on_corrupt': 'skip', 'seed': seed}
    config = small_photographs('broken', **fields)
    workdirs.append(save_run(config, tmp_path / f'run_{seed}'))
  for number, left_out in ((9, 1), (20, 2), (None, 3)):
    page = evaluate(workdirs, Request(statistics=MOVING_AVERAGE, examples=number))
    assert page['examples_left_out'] == left_out
    assert page['members'][0]['examples'] == (number or 24) - left_out
    counts = [member['examples_left_out'] for member in page['members']]
    assert counts == [left_out] * 2


@pytest.mark.slow
@pytest.mark.parametrize('feed', ['stream', 'resident'])
def test_different_crops_are_those_of_the_images_that_count(
  feed, tmp_path, monkeypatch
):
  """Not of black ones, which one feed has in place of those that cannot be read."""
  monkeypatch.setattr(jax, 'local_devices', lambda: jax.devices()[:1])
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  only_rows(monkeypatch, '5b')
  squares = ((30, 30),)
  prepare(tmp_path, 'broken', examples(6, squares), examples(4, squares, broken=(1,)))
  fields = {'dataset.feed': feed, 'dataset.on_corrupt': 'skip'}
  workdir = save_run(small_photographs('broken', **fields), tmp_path / 'run')
  page = evaluate([workdir], Request(statistics=MOVING_AVERAGE, crops=144))
  assert (page['examples_left_out'], page['different_crops']) == (1, 48)


@pytest.mark.slow
def test_members_that_left_out_different_examples(tmp_path, monkeypatch):
  """As resident images and streamed ones do; the remedy of the message helps."""
  monkeypatch.setattr(jax, 'local_devices', lambda: jax.devices()[:1])
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  only_rows(monkeypatch, '5b')
  squares = ((30, 30),)
  prepare(tmp_path, 'broken', examples(6, squares), examples(9, squares, broken=(1,)))
  fields = {'dataset.on_corrupt': 'skip'}
  workdirs = [
    save_run(
      small_photographs('broken', **fields, **{'dataset.feed': feed}), tmp_path / feed
    )
    for feed in ('stream', 'resident')
  ]
  with pytest.raises(UserError, match='give --dataset=broken, which reads it alike'):
    evaluate(workdirs, Request(statistics=MOVING_AVERAGE))
  request = Request(statistics=MOVING_AVERAGE, dataset='broken')
  assert evaluate(workdirs, request)['ensemble']['examples'] == 8
