"""Population statistics are computed once for a checkpoint, and never mixed up."""

import weakref

import jax
import numpy as np
import pytest

from bn_repro.data.pixels import PixelFeed
from bn_repro.evaluate import statistics
from bn_repro.evaluate.network import restore
from bn_repro.evaluate.request import MOVING_AVERAGE, POPULATION, Request
from bn_repro.run import provenance
from bn_repro.training import experiment
from bn_repro.training.population import PopulationStatistics
from evaluate.saved import save_run
from support import small_config


@pytest.fixture
def network(tmp_path):
  return restore(save_run(small_config('batch_norm'), tmp_path / 'run'))


@pytest.fixture
def times_computed(monkeypatch):
  """Grows by one with each computation."""
  found, compute = [], statistics.computed

  def counted(network, mini_batches, check):
    found.append(mini_batches)
    return compute(network, mini_batches, check)

  monkeypatch.setattr(statistics, 'computed', counted)
  return found


def of(network, kind=POPULATION, mini_batches=5):
  request = Request(statistics=kind, population_batches=mini_batches)
  return statistics.of_network(network, request, lambda: None)


def assert_equal(left, right):
  jax.tree.map(np.testing.assert_array_equal, left, right)


def test_they_are_those_of_algorithm_2_as_training_computes_them(network):
  config = small_config('batch_norm', num_devices=1, steps_per_call=1)
  built = experiment.build(config)
  compute = PopulationStatistics(built, built.feeds.train.examples, lambda: None)
  expected = compute(network.params, network.batch_stats)
  assert_equal(of(network), jax.device_get(expected))


@pytest.fixture
def alive(monkeypatch):
  """How many inputs and statistics are alive, noted at each reading."""
  found, inputs, parts, read = [], [], [], PixelFeed.inputs
  of_parts = PopulationStatistics._of_parts

  def reading(*arguments):
    found.append([sum(ref() is not None for ref in refs) for refs in (inputs, parts)])
    result = read(*arguments)
    inputs.append(weakref.ref(result.indices))
    return result

  def measuring(*arguments):
    for part in of_parts(*arguments):
      parts.append(weakref.ref(jax.tree.leaves(part)[0]))
      yield part

  monkeypatch.setattr(PixelFeed, 'inputs', reading)
  monkeypatch.setattr(PopulationStatistics, '_of_parts', measuring)
  return found


def test_more_mini_batches_take_no_more_memory(network, alive):
  """They are read one by one; that of the constructor and the last one are kept."""
  most = []
  for number in (6, 60):
    alive.clear()
    statistics.computed(network, number, lambda: None)
    most.append(np.max(alive, axis=0).tolist())
    assert len(alive) == 1 + number
  assert most[0] == most[1] and max(most[0]) <= 2


def test_they_are_computed_once(network, times_computed):
  first = of(network)
  assert_equal(of(network), first)
  assert len(times_computed) == 1


@pytest.mark.parametrize('change', ['checkpoint', 'population_batches', 'code'])
def test_another_network_has_others(network, times_computed, monkeypatch, change):
  of(network)
  if change == 'checkpoint':
    network = network._replace(digest='other')
  elif change == 'code':
    monkeypatch.setattr(provenance, 'code_digest', lambda: 'other')
  number = 3 if change == 'population_batches' else 5
  of(network, mini_batches=number)
  assert times_computed == [5, number]


@pytest.mark.parametrize('harm', ['cut', 'flip', 'empty'])
def test_damaged_ones_are_computed_again(network, times_computed, harm):
  expected = of(network)
  path = network.workdir / 'evaluation' / statistics.NAME
  data = bytearray(path.read_bytes())
  place = data.find(b'\x93NUMPY') + 200  # in the first array
  flipped = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
  path.write_bytes({'cut': data[:300], 'flip': flipped, 'empty': b''}[harm])
  assert_equal(of(network), expected)
  assert len(times_computed) == 2


def test_moving_averages_need_no_training_set(network, monkeypatch):
  monkeypatch.setattr(statistics, 'computed', None)
  assert_equal(of(network, MOVING_AVERAGE), network.batch_stats)


def test_a_network_without_batch_normalization_has_none(tmp_path, monkeypatch):
  monkeypatch.setattr(statistics, 'computed', None)
  network = restore(save_run(small_config('baseline'), tmp_path / 'run'))
  assert of(network) == {}
