"""Runs that are evaluated at log-spaced steps, as the protocol asks."""

import numpy as np
import pytest
from fake_experiment import only_rows

from bn_repro.run import config as config_lib
from bn_repro.run import durations, fields
from bn_repro.run.config import check_same, check_workdir, store
from bn_repro.run.errors import UserError
from bn_repro.run.files import write_json
from bn_repro.training import loop
from support import PROJECT, metrics_of, small_config


@pytest.fixture
def spaced():
  """The normalized network, evaluated at three log-spaced steps and five last ones."""
  config = small_config('batch_norm', evaluate_every='5 steps')
  with config.unlocked():
    config.log_spaced_evaluations, config.last_population_batches = 3, 9
    config.moving_average_evaluated = False
  return config


def evaluations(workdir):
  lines = metrics_of(workdir)
  return {line['step']: line for line in lines if 'test/accuracy' in line}


def test_the_run_is_evaluated_there_and_nowhere_else(spaced, tmp_path):
  """Three from 5 to nine tenths of 40: 5, 13.4, 36; then 36.8, 37.6, ... 40."""
  loop.train(spaced, tmp_path)
  lengths = durations.lengths(spaced, 1437)
  assert lengths.evaluation_steps == (5, 13, 36, 37, 38, 39, 40)
  lines = evaluations(tmp_path)
  assert tuple(lines) == (0, *lengths.evaluation_steps)
  assert not any('test/accuracy_moving_average' in line for line in lines.values())


def test_the_last_evaluations_average_over_more_mini_batches(spaced, tmp_path):
  loop.train(spaced, tmp_path / 'spaced')
  usual = small_config('batch_norm', evaluate_every='1 step')
  usual.population_batches = spaced.last_population_batches
  loop.train(usual, tmp_path / 'many')
  spaced_lines, many = evaluations(tmp_path / 'spaced'), evaluations(tmp_path / 'many')
  for step in (37, 38, 39, 40):
    assert spaced_lines[step]['test/loss'] == many[step]['test/loss']
  assert spaced_lines[13]['test/loss'] != many[13]['test/loss']


def test_a_run_with_log_spaced_evaluations_keeps_its_length(spaced, tmp_path):
  store(spaced, tmp_path, [])
  spaced.train_for = '80 steps'
  with pytest.raises(UserError, match='differs in train_for'):
    check_same(spaced, tmp_path / 'config.json')


def test_a_number_for_the_last_evaluations_that_there_are_not_is_refused(
  spaced, tmp_path
):
  """Of a new run; an older one that has it goes on."""
  check_workdir(spaced, tmp_path / 'spaced')
  spaced.log_spaced_evaluations = 0
  wrong = r'config\.last_population_batches=9 is not 0 without config\.log_spaced_eval'
  with pytest.raises(UserError, match=wrong):
    check_workdir(spaced, tmp_path / 'new')
  write_json(tmp_path / 'config.json', spaced.to_dict())
  check_workdir(spaced, tmp_path)
  assert config_lib.stored(tmp_path).last_population_batches == 9
  spaced.last_population_batches = 0
  check_workdir(spaced, tmp_path / 'new')


def test_a_run_of_before_these_fields_is_the_same_run(tmp_path):
  """Their values are then what the code did; any other is another run."""
  location = str(PROJECT / 'configs' / 'bn_x5.py:digits')
  before = config_lib.load(location)
  with before.unlocked():
    for field, _ in fields.defaults().items() & config_lib.flatten(before).items():
      holder = before.model if field.startswith('model.') else before
      del holder[field.removeprefix('model.')]
  store(before, tmp_path, [])
  now = config_lib.load(location)
  check_same(now, tmp_path / 'config.json')
  now.moving_average_evaluated = False
  with pytest.raises(UserError, match='moving_average_evaluated'):
    check_same(now, tmp_path / 'config.json')


@pytest.mark.parametrize('std', [0.0, 0.03])
def test_initial_weights_of_one_standard_deviation(monkeypatch, quick_compiler, std):
  """Those of every convolution, whatever its fan-in; 0 leaves He's."""
  import jax

  from bn_repro.models import networks

  config = config_lib.load(str(PROJECT / 'configs' / 'inception.py:digits'))
  config.model.weight_std = std
  only_rows(monkeypatch, '3a', '5b')
  model = networks.build(config, 10)
  params = networks.initial_variables(model, 0, (8, 8, 3))['params']
  flat = jax.tree_util.tree_flatten_with_path(params)[0]
  kernels = [
    np.asarray(leaf)
    for path, leaf in flat
    if path[-1].key == 'kernel' and path[0].key != 'logits' and leaf.size > 500
  ]
  deviations = [kernel.std() for kernel in kernels]
  if std:
    np.testing.assert_allclose(deviations, std, rtol=0.15)
  else:
    assert max(deviations) > 1.5 * min(deviations)
