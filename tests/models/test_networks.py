"""The configs of section 4.2: what differs between them, and that nothing else does."""

import itertools

import pytest
from pytest import approx

from bn_repro.run import config as config_lib
from bn_repro.run import durations
from bn_repro.run.errors import UserError
from configs import datasets
from support import PROJECT

NETWORKS = (
  'inception', 'bn_baseline', 'bn_x5', 'bn_x30', 'bn_x5_sigmoid', 'inception_x5',
  'inception_sigmoid',
)  # fmt: skip
DATASETS = ('imagenet2012', 'imagenette', 'imagenette_160', 'cifar10', 'digits')
MEMBERS = tuple('123456')
IMAGENET = 1_281_167  # training examples
# The fields of the seven changes of section 4.2.1; test_seven_changes.py has more.
SEVEN = {
  'learning_rate', 'model.dropout', 'l2', 'learning_rate_decay_every',
  'model.local_response_normalization', 'shuffling', 'photometric_distortion',
}  # fmt: skip


def load(network, argument='', **overrides):
  location = f'{PROJECT / "configs" / network}.py'
  return config_lib.load(f'{location}:{argument}' if argument else location, overrides)


def fields_of(network, argument=''):
  return config_lib.flatten(load(network, argument))


def difference(left, right):
  """{field: (left, right)} of flat configs of the same fields."""
  assert left.keys() == right.keys()
  return {f: (left[f], right[f]) for f in left if left[f] != right[f]}


@pytest.mark.parametrize(
  'left, right, fields',
  [
    ('inception', 'bn_baseline', {'model.batch_norm', 'train_for'}),
    ('bn_baseline', 'bn_x5', SEVEN | {'train_for'}),
    ('bn_x5', 'bn_x30', {'learning_rate'}),
    ('bn_x5', 'bn_x5_sigmoid', {'model.nonlinearity'}),
    ('inception', 'inception_x5', {'learning_rate'}),
    ('inception', 'inception_sigmoid', {'model.nonlinearity'}),
  ],
)
@pytest.mark.parametrize('dataset', ['', *DATASETS])
def test_networks_differ_in_what_the_paper_names(left, right, fields, dataset):
  """And in their names; in how long they train on ImageNet alone."""
  changed = set(difference(fields_of(left, dataset), fields_of(right, dataset)))
  is_imagenet = dataset in ('', 'imagenet2012')
  assert changed == (fields if is_imagenet else fields - {'train_for'}) | {'network'}


@pytest.mark.parametrize(
  'network, batch_norm, rate, dropout, responses, l2, every, shuffling, photometric',
  [
    ('inception', False, 0.0015, 0.4, True, 2e-4, 320_292, 'coarse', 1.0),
    ('bn_baseline', True, 0.0015, 0.4, True, 2e-4, 320_292, 'coarse', 1.0),
    ('bn_x5', True, 0.0075, 0.0, False, 4e-5, 53_382, 'thorough', 0.5),
    ('bn_x30', True, 0.045, 0.0, False, 4e-5, 53_382, 'thorough', 0.5),
    ('bn_x5_sigmoid', True, 0.0075, 0.0, False, 4e-5, 53_382, 'thorough', 0.5),
    ('inception_x5', False, 0.0075, 0.4, True, 2e-4, 320_292, 'coarse', 1.0),
    ('inception_sigmoid', False, 0.0015, 0.4, True, 2e-4, 320_292, 'coarse', 1.0),
  ],
)
def test_the_table_of_the_networks(
  network, batch_norm, rate, dropout, responses, l2, every, shuffling, photometric
):
  """On ImageNet, in mini-batches of 32; the rate falls by 4 % every 8 or 8/6 epochs."""
  config = load(network)
  assert config.model.batch_norm is batch_norm
  assert config.learning_rate == approx(rate, rel=1e-12)
  assert config.model.dropout == dropout
  assert config.model.local_response_normalization is responses
  assert config.l2 == approx(l2, rel=1e-12)
  assert (config.shuffling, config.photometric_distortion) == (shuffling, photometric)
  lengths = durations.lengths(config, IMAGENET)
  assert lengths.learning_rate_decay_every == every
  assert (config.momentum, config.learning_rate_decay) == (0.9, 0.96)
  assert (config.batch_size, config.model.normalization_group) == (32, 32)
  is_sigmoid = network.endswith('sigmoid')
  assert config.model.nonlinearity == ('sigmoid' if is_sigmoid else 'relu')


def test_the_rates_are_5_and_30_times_inceptions():
  rates = {network: load(network).learning_rate for network in NETWORKS}
  assert rates['bn_x5'] == rates['inception_x5'] == approx(5 * rates['inception'])
  assert rates['bn_x30'] == approx(30 * rates['inception'])
  assert rates['bn_baseline'] == rates['inception']


# The ensemble.


def test_six_members_are_variants_of_bn_x30():
  """Each has some of section 4.2.3's three changes, a seed and a name of its own."""
  usual = fields_of('bn_x30')
  members = [difference(usual, fields_of('ensemble', member)) for member in MEMBERS]
  kinds = {'model.weight_variance', 'model.dropout', 'model.per_activation_rows'}
  changed = [set(member) - {'network', 'seed'} for member in members]
  assert all(kinds >= fields > set() for fields in changed)
  assert set.union(*changed) == kinds
  values = {
    field: {str(member[field][1]) for member in members if field in member}
    for field in kinds
  }
  # Twice the deviation; 5 or 10 %; the last hidden layers.
  assert values == {
    'model.weight_variance': {'8.0'},
    'model.dropout': {'0.05', '0.1'},
    'model.per_activation_rows': {"['5b']"},
  }
  configs = [load('ensemble', member) for member in MEMBERS]
  assert [config.seed for config in configs] == [1, 2, 3, 4, 5, 6]
  assert [config.network for config in configs] == [f'ensemble_{m}' for m in MEMBERS]
  resolved = [
    {field: config_lib.flatten(config)[field] for field in kinds} for config in configs
  ]
  assert not [
    pair for pair in itertools.combinations(resolved, 2) if pair[0] == pair[1]
  ]


def test_the_default_member_is_the_first():
  assert load('ensemble') == load('ensemble', '1') == load('ensemble', '1,imagenet2012')


# Data sets.

OF_DATASET = {
  'dataset.name', 'dataset.size', 'dataset.num_classes', 'dataset.mirror', 'model.stem',
  'model.width',
}  # fmt: skip


@pytest.mark.parametrize('network', NETWORKS)
def test_a_data_set_changes_the_same_in_every_network(network):
  """Size, classes, stem, width and how long to train; from network to network alike."""
  assert load(network) == load(network, 'imagenet2012')
  usual, plain = fields_of(network), fields_of('inception')
  for dataset in DATASETS[1:]:
    changed = difference(usual, fields_of(network, dataset))
    assert set(changed) <= OF_DATASET | {'train_for'}
    of_inception = difference(plain, fields_of('inception', dataset))
    assert {field: values[1] for field, values in changed.items()} == {
      field: values[1] for field, values in of_inception.items()
    }


@pytest.mark.parametrize('member', MEMBERS)
def test_a_data_set_changes_the_same_in_every_member(member):
  changed = difference(
    fields_of('ensemble', member), fields_of('ensemble', f'{member},cifar10')
  )
  usual = difference(fields_of('bn_x30'), fields_of('bn_x30', 'cifar10'))
  assert changed == usual


def test_imagenet_is_that_of_the_paper():
  """224 pixels, 1,000 classes, figure 5 in full width, and the steps of figure 3."""
  fields = fields_of('inception')
  assert [fields[field] for field in sorted(OF_DATASET)] == [
    True, 'imagenet2012', 1000, 224, 'figure5', 1.0
  ]  # fmt: skip
  steps = {n: durations.lengths(load(n), IMAGENET).train_for for n in NETWORKS}
  # At least those that each takes in the paper: to its best, or to Inception's.
  least = {'inception': 31e6, 'bn_baseline': 13.3e6, 'bn_x5': 2.1e6, 'bn_x30': 6e6}
  assert all(steps[network] >= needed for network, needed in least.items())
  assert fields['targets'] == [0.722]


def test_characters_alone_are_not_mirrored():
  """A mirrored one is another, or none; of photographs and clothes it is as good."""
  mirrored = {n for n in datasets.DATASETS if load('bn_x5', n).dataset.mirror}
  assert mirrored == {
    'imagenet2012', 'imagenette', 'imagenette_160', 'cifar10', 'cifar100',
    'fashion_mnist',
  }  # fmt: skip


@pytest.mark.parametrize('dataset', DATASETS)
def test_every_config_passes_the_check(dataset):
  for network in NETWORKS:
    config_lib.check(load(network, dataset))
  for member in MEMBERS:
    config_lib.check(load('ensemble', f'{member},{dataset}'))


# Mistakes.


@pytest.mark.parametrize(
  'network, argument, known',
  [
    ('inception', 'imagenet', DATASETS),
    ('bn_x5_sigmoid', 'x30', DATASETS),
    ('ensemble', '1,imagenet', DATASETS),
    ('ensemble', '7', MEMBERS),
    ('ensemble', 'imagenette', MEMBERS),
    ('bn_x60', '', NETWORKS),
  ],
)
def test_an_unknown_data_set_member_or_network_names_what_there_is(
  network, argument, known, monkeypatch
):
  monkeypatch.chdir(PROJECT)
  with pytest.raises(UserError) as raised:
    load(network, argument)
  (message,) = str(raised.value).splitlines()
  assert message.startswith('no ')
  assert (argument.rpartition(',')[-1] or network) in message
  assert all(name in message for name in known)


def test_only_networks_are_offered_as_configs(monkeypatch):
  """A file of `configs` that is none is neither named nor accepted."""
  monkeypatch.chdir(PROJECT)
  with pytest.raises(UserError) as raised:
    load('nothing')
  assert 'datasets' not in str(raised.value)
  with pytest.raises(UserError, match=r'datasets\.py'):
    load('datasets')


@pytest.mark.parametrize(
  'field, value',
  [
    ('dataset.feed', 'grain'),
    ('dataset.size', 0),
    ('dataset.workers', -1),
    ('model.nonlinearity', 'tanh'),
    ('model.stem', 'large'),
    ('model.width', 0.0),
    ('model.pool_projection_4cd', 112),
    ('model.dropout', 1.0),
    ('model.dtype', 'float16'),
    ('model.weight_variance', -1.0),
    ('model.per_activation_rows', ('6a',)),
    ('model.normalization_group', -32),
    ('learning_rate_decay', 0.0),
    ('learning_rate_decay', 1.5),
    ('learning_rate_decay_every', '0 epochs'),
    ('l2', -1e-4),
    ('l2', float('nan')),
    ('polyak_decay', 1.0),
    ('gradient_accumulation', 0),
    ('gradient_accumulation', 5),
    ('shuffling', 'none'),
    ('shard_size', 0),
    ('photometric_distortion', 1.1),
  ],
)
def test_a_senseless_value_is_named(field, value):
  config = load('bn_x30', **{field: value})
  with pytest.raises(UserError, match=rf'config\.{field}=') as raised:
    config_lib.check(config)
  assert '\n' not in str(raised.value)
