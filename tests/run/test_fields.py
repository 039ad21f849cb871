"""Every config has exactly the fields that are read, each of its kind."""

import pytest

from bn_repro.run import config as config_lib
from bn_repro.run import fields
from bn_repro.run.errors import UserError
from support import PROJECT

LOCATIONS = ('mnist.py:batch_norm', 'mnist.py:baseline', 'inception.py', 'bn_x30.py')


def values(location='mnist.py:batch_norm'):
  return config_lib.flatten(config_lib.load(str(PROJECT / 'configs' / location)))


@pytest.mark.parametrize('location', LOCATIONS)
def test_our_configs_pass(location):
  fields.check(values(location))


def test_names_that_are_written_twice_agree():
  """Fields are checked before JAX is imported, so not against what they choose."""
  from bn_repro.models import networks
  from bn_repro.training.probes import probes

  of_mlp = fields.of_network('mlp')
  names = {'variant.normalizer': networks.NORMALIZERS, 'probes': probes.PROBES}
  for field, registry in names.items():
    assert of_mlp[field].allowed.partition(' of ')[2] == ', '.join(registry)


def test_every_limit_is_one_that_is_checked():
  for network in fields.NETWORKS:
    for field in fields.of_network(network).values():
      assert field.limits.keys() <= {*fields._LIMITS, 'longest'}


@pytest.mark.parametrize('location', LOCATIONS)
def test_every_field_is_needed(location):
  """But for those of section 4.2 that stand alone."""
  whole = values(location)
  alone = {
    name
    for name, field in fields.of_network(whole['model.name']).items()
    if field.is_optional and not field.group
  }
  for field in whole.keys() - alone - {'model.name'}:
    without = {name: value for name, value in whole.items() if name != field}
    with pytest.raises(UserError, match=f"the config lacks '{field}'"):
      fields.check(without)


def test_a_field_that_nothing_reads_is_refused():
  with pytest.raises(UserError, match=r"'learning_rat'; did you mean learning_rate"):
    fields.check(values() | {'learning_rat': 0.1})


def test_a_field_of_another_network_is_refused():
  with pytest.raises(UserError, match=r"'mlp' has no field 'model\.stem'"):
    fields.check(values() | {'model.stem': 'small'})
  inception = values('bn_x30.py') | {'variant.placement': 'after'}
  with pytest.raises(UserError, match=r"placement'; only a config of 'mlp' has it$"):
    fields.check(inception)


@pytest.mark.parametrize(
  'field, value, kind',
  [
    ('seed', '0', 'a whole number'),
    ('seed', 0.0, 'a whole number'),
    ('seed', True, 'a whole number'),
    ('learning_rate', '0.1', 'a number'),
    ('learning_rate', False, 'a number'),
    ('model.batch_norm', 1, 'true or false'),
    ('train_for', 100, 'text'),
    ('targets', 0.9, 'numbers'),
    ('targets', [0.9, '0.95'], 'numbers'),
    ('model.hidden_sizes', [100.0], 'whole numbers'),
    ('model.name', 'resnet', 'one of mlp, inception'),
    ('model.name', None, 'one of mlp, inception'),
    ('model.name', ['mlp'], 'one of mlp, inception'),
  ],
)
def test_a_value_of_another_kind_is_refused(field, value, kind):
  with pytest.raises(UserError, match=rf'^config\.{field}=.* is not {kind}'):
    fields.check(values() | {field: value})


def test_a_whole_number_is_a_number():
  fields.check(values() | {'learning_rate': 1})


@pytest.mark.parametrize('network, most', [('batch_norm', 30), ('baseline', 60)])
def test_a_part_of_a_mini_batch_can_be_normalized(network, most):
  """Known at once, and not by the layer, when config.json is written."""
  config = values(f'mnist.py:{network}')
  assert config['batch_size'] == 60
  fields.check(config | {'gradient_accumulation': most})
  if most < 60:
    with pytest.raises(
      UserError, match=r'gradient_accumulation=60 is not at most half'
    ):
      fields.check(config | {'gradient_accumulation': 60})
