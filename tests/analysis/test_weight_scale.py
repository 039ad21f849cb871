"""Claim 4's experiment: with epsilon = 0 nothing changes but the gradient, by 1/a."""

import pytest
from fake_experiment import small

from bn_repro.analysis import weight_scale
from bn_repro.evaluate.network import restore
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


def test_another_network(tmp_path):
  network = restore(save_run(small('bn_x5:{}'), tmp_path / 'run'))
  with pytest.raises(UserError, match=r'holds no network of section 4\.1'):
    weight_scale.measure(network)
