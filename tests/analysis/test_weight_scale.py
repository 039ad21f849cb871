"""Claim 4's experiment: with epsilon = 0 nothing changes but the gradient, by 1/a."""

import numpy as np
import pytest
from fake_experiment import small

from bn_repro.analysis import weight_scale
from bn_repro.evaluate.network import restore
from bn_repro.models.mlp import SIGMOID_INPUTS, sigmoid_inputs
from bn_repro.paper.analysis_page import TABLES
from bn_repro.run.errors import UserError
from evaluate.saved import save_run
from support import small_config


@pytest.fixture(scope='module')
def rows(tmp_path_factory):
  """Of random weights, with and without batch normalization."""
  root, found = tmp_path_factory.mktemp('runs'), {}
  for name in ('batch_norm', 'baseline'):
    config = small_config(
      name, **{'model.hidden_sizes': (20, 15), 'model.init_std': 0.5}
    )
    page = weight_scale.measure(restore(save_run(config, root / name)))
    found[name] = page['rows']
  return found


def of(rows, epsilon, factor):
  chosen = [row for row in rows if (row['epsilon'], row['factor']) == (epsilon, factor)]
  assert [row['layer'] for row in chosen] == [1, 2]
  return chosen


@pytest.mark.parametrize('factor', weight_scale.FACTORS)
def test_without_epsilon_the_scale_does_not_matter(rows, factor):
  for row in of(rows['batch_norm'], 0.0, factor):
    assert row['inputs_moved'] < 1e-4
    assert row['gradient_of_weights_times_factor'] == pytest.approx(1, rel=1e-3)
    assert row['gradient_of_images'] == pytest.approx(1, rel=1e-3)


def test_epsilon_matters_where_the_weights_are_small(rows):
  small_weights, large_weights = (
    of(rows['batch_norm'], 1e-3, factor) for factor in (0.01, 100.0)
  )
  for small_one, large_one in zip(small_weights, large_weights):
    assert small_one['inputs_moved'] > 0.1 > large_one['inputs_moved']


def test_without_batch_normalization_everything_changes(rows):
  for factor in (0.01, 100.0):
    for row in of(rows['baseline'], None, factor):
      assert row['inputs_moved'] > 0.5
      assert abs(row['gradient_of_weights_times_factor'] - 1) > 0.5


def test_factor_1_is_the_measure(rows):
  for row in of(rows['batch_norm'], 1e-3, 1.0) + of(rows['baseline'], None, 1.0):
    assert row['inputs_moved'] == 0
    assert row['gradient_of_images'] == row['gradient_of_weights_times_factor'] == 1


def test_the_table_has_a_line_for_each_row(rows):
  lines = TABLES['weight_scale']({'rows': rows['batch_norm']}).splitlines()
  assert len(lines) == 2 + len(rows['batch_norm'])


def test_examples_are_normalized_in_the_groups_of_the_run(tmp_path):
  """Epsilon matters more or less by the variance of each group."""
  rows = {}
  for group in (0, 20, 60):  # 60 is the whole mini-batch
    config = small_config(
      'batch_norm',
      **{'model.hidden_sizes': (20, 15), 'model.normalization_group': group},
    )
    page = weight_scale.measure(restore(save_run(config, tmp_path / str(group))))
    rows[group] = page['rows']
  assert rows[60] == rows[0] != rows[20]
  for row in of(rows[20], 0.0, 100.0):
    assert row['inputs_moved'] < 1e-4


@pytest.mark.parametrize('group', [0, 20])
def test_the_groups_are_those_of_ghost_batches(tmp_path, group):
  """The inputs of the sigmoids are those of each group by itself."""
  config = small_config('batch_norm', **{'model.normalization_group': group})
  network = restore(save_run(config, tmp_path / 'run'))
  images = np.random.default_rng(0).random((60, 8, 8)).astype(np.float32)

  def inputs(model, images):
    _, sown = model.apply(
      network.variables, images, train=True, mutable=['batch_stats', SIGMOID_INPUTS]
    )
    return np.concatenate(sigmoid_inputs(sown), axis=1)

  found = inputs(weight_scale._as_trained(network).model, images)
  parts = [images[i : i + (group or 60)] for i in range(0, 60, group or 60)]
  expected = np.concatenate([inputs(network.model, part) for part in parts])
  np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_a_mini_batch_is_normalized_in_the_parts_of_the_run(tmp_path):
  """Two parts of 30 are not one of 60, nor the halves of the mini-batch."""
  rows = {}
  for parts, group in ((1, 0), (1, 30), (2, 0), (2, 30)):
    sizes = {'model.hidden_sizes': (20, 15), 'model.normalization_group': group}
    config = small_config('batch_norm', **sizes)
    with config.unlocked():
      config.gradient_accumulation = parts
    run = save_run(config, tmp_path / f'{parts}_{group}')
    rows[parts, group] = weight_scale.measure(restore(run))['rows']
  assert rows[2, 30] == rows[2, 0]
  assert rows[2, 0] not in (rows[1, 0], rows[1, 30])


def test_without_normalization_groups_are_nothing(tmp_path):
  """Training does not ask for them either."""
  sizes = {'model.hidden_sizes': (20, 15), 'model.normalization_group': 7}
  network = restore(save_run(small_config('baseline', **sizes), tmp_path / 'run'))
  assert weight_scale._as_trained(network).model.batch_norm is None


def test_another_network(tmp_path):
  network = restore(save_run(small('bn_x5:{}'), tmp_path / 'run'))
  with pytest.raises(UserError, match=r'holds no network of section 4\.1'):
    weight_scale.measure(network)
