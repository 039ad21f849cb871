"""Runs that differ in hyperparameters alone share their compiled programs."""

import copy

import jax
import pytest
from fake_experiment import only_rows, small
from jax.experimental.compilation_cache import compilation_cache

from bn_repro.run import config as config_lib
from bn_repro.training import loop
from support import FEW_STEPS, PROJECT

pytestmark = [pytest.mark.usefixtures('quick_compiler'), pytest.mark.slow]


@pytest.fixture
def programs(tmp_path):
  """Names of all programs that were compiled since the test began."""
  field, folder = 'jax_compilation_cache_dir', tmp_path / 'compiled'
  before = jax.config.jax_compilation_cache_dir
  jax.config.update(field, str(folder))
  compilation_cache.reset_cache()  # or JAX would keep to the folder before
  yield lambda: {path.name for path in folder.glob('*-cache')}
  jax.config.update(field, before)
  compilation_cache.reset_cache()


def assert_shared(usual, others, programs, tmp_path):
  """A run with other hyperparameters compiles nothing."""
  loop.train(usual, tmp_path / 'usual')
  compiled = programs()
  assert any('steps' in name for name in compiled)
  summary = loop.train(changed(usual, others), tmp_path / 'others')
  assert summary['last_step'] == 4
  assert programs() == compiled


def changed(config, overrides):
  config = copy.deepcopy(config)
  config.update_from_flattened_dict(overrides)
  return config


FEW = FEW_STEPS | {
  'train_for': '4 steps', 'log_every': '2 steps', 'evaluate_every': '4 steps',
  'checkpoint_every': '4 steps', 'population_batches': 2,
}  # fmt: skip


def test_of_the_network_of_section_4_1(programs, tmp_path):
  """Another momentum, which is compiled in, is another program."""
  location = f'{PROJECT / "configs" / "analysis" / "regularization.py"}:dropout'
  few = {'model.hidden_sizes': (8, 8), 'training_images_evaluated': 0}
  config = config_lib.load(location, FEW | few)
  others = {'seed': 5, 'learning_rate': 0.3, 'variant.dropout': 0.4}
  assert_shared(config, others, programs, tmp_path)
  compiled = programs()
  loop.train(changed(config, {'momentum': 0.5}), tmp_path / 'momentum')
  assert programs() > compiled


def test_of_inception(programs, tmp_path, monkeypatch):
  """BN-x5 with dropout, of one row."""
  only_rows(monkeypatch, '5b')
  config = small('bn_x5:{}', **FEW | {'model.dropout': 0.4})
  others = {
    'seed': 5, 'learning_rate': 0.02, 'learning_rate_decay': 0.5,
    'learning_rate_decay_every': '3 steps', 'l2': 0.01, 'model.dropout': 0.2,
    'photometric_distortion': 0.3,
  }  # fmt: skip
  assert_shared(config, others, programs, tmp_path)
