"""Configs are loaded, checked, stored and compared."""

import json

import pytest

from bn_repro.run import config as config_lib
from bn_repro.run import summary
from bn_repro.run.errors import UserError
from support import PROJECT, small_config

MNIST = str(PROJECT / 'configs' / 'mnist.py')


def test_a_finished_run_without_its_config_is_of_no_other(tmp_path):
  config = small_config('batch_norm')
  summary.write(tmp_path, {'config': config_lib.flatten(config), 'last_step': 3})
  assert summary.of_finished_run(tmp_path, config)['last_step'] == 3
  with pytest.raises(UserError, match=r'which differs in seed \(0 there'):
    summary.of_finished_run(tmp_path, small_config('batch_norm', seed=9))


def test_section_4_1_as_stated():
  """What the paper states: 28x28 binary, 3 x 100, 60 examples, 50,000 steps."""
  config = config_lib.load(MNIST)
  assert config.dataset.name == 'mnist'
  assert config.dataset.pixels == 'binary'
  assert config.model.hidden_sizes == (100, 100, 100)
  assert (config.batch_size, config.train_for) == (60, '50_000 steps')


def test_the_two_networks_differ_in_batch_normalization_alone():
  with_bn = config_lib.flatten(config_lib.load(f'{MNIST}:batch_norm'))
  without = config_lib.flatten(config_lib.load(f'{MNIST}:baseline'))
  differing = {field for field in with_bn if with_bn[field] != without[field]}
  assert differing == {'network', 'model.batch_norm'}


@pytest.mark.parametrize('network', ['batch_norm', 'baseline'])
def test_the_defaults_pass(network):
  config_lib.check(config_lib.load(f'{MNIST}:{network}'))


@pytest.mark.parametrize(
  'field, value',
  [
    ('batch_size', -60),
    ('batch_size', 1),
    ('train_for', '0 steps'),
    ('learning_rate', 0.0),
    ('learning_rate', float('nan')),
    ('learning_rate', float('inf')),
    ('momentum', 1.0),
    ('seed', -1),
    ('dataset.name', '../mnist'),
    ('dataset.pixels', 'gray'),
    ('model.hidden_sizes', ()),
    ('model.hidden_sizes', (100, 0)),
    ('model.epsilon', 0.0),
    ('tracked_unit', 100),
    ('targets', (95.0,)),
    ('targets', ('most',)),
    ('model.hidden_sizes', ('wide',)),
    ('num_devices', -1),
    ('evaluate_every', '5 parsecs'),
  ],
)
def test_a_senseless_value_is_named_with_what_is_allowed(config, field, value):
  config.update_from_flattened_dict({field: value})
  with pytest.raises(UserError, match=rf'^config\.{field}=.* is not '):
    config_lib.check(config)


def test_a_single_example_is_allowed_without_batch_normalization():
  config_lib.check(small_config('baseline', batch_size=1))


@pytest.mark.parametrize(
  'network, fields, allowed',
  [
    ('baseline', {'normalizer': 'whitening'}, 'batch_norm without batch norm'),
    ('baseline', {'placement': 'after'}, 'before without batch norm'),
    ('baseline', {'gamma_and_beta': False}, 'True without batch norm'),
    ('baseline', {'bias': True}, 'False without batch norm'),
    ('batch_norm', {'normalizer': 'centring'}, 'False with centring'),
  ],
)
def test_a_variant_that_would_change_nothing_is_refused(network, fields, allowed):
  config = config_lib.load(f'{PROJECT}/configs/analysis/variants.py:{network}')
  for field, value in fields.items():
    config.variant[field] = value
  with pytest.raises(UserError, match=allowed):
    config_lib.check(config)


@pytest.mark.parametrize(
  'location, text',
  [('configs/nope.py', 'no config file'), (f'{MNIST}:resnet', 'batch_norm and base')],
)
def test_an_unknown_config_names_the_known(location, text):
  with pytest.raises(UserError, match=text):
    config_lib.load(location)


def test_the_same_config_is_accepted_again(config, tmp_path):
  config_lib.store(config, tmp_path, ['--config=x'])
  config_lib.store(config, tmp_path, ['--config=x'])
  assert json.loads((tmp_path / 'config.json').read_text())['batch_size'] == 60
  assert (tmp_path / 'overrides.txt').read_text() == '--config=x\n'


def test_another_config_is_refused_naming_the_fields(config, tmp_path):
  config_lib.store(config, tmp_path, [])
  before = (tmp_path / 'config.json').read_bytes()
  config.update_from_flattened_dict({'seed': 1, 'model.decay': 0.5})
  with pytest.raises(UserError, match=r'model\.decay \(0\.99 .*0\.5 .*seed \(0 .*1'):
    config_lib.store(config, tmp_path, [])
  assert (tmp_path / 'config.json').read_bytes() == before


def test_a_damaged_config_is_refused(config, tmp_path):
  (tmp_path / 'config.json').write_text('{"seed": ')
  with pytest.raises(UserError, match='damaged'):
    config_lib.store(config, tmp_path, [])
