"""Experiments on the network of section 4.1: batch-mates, identities, distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fake_experiment import only_rows, small
from flax.traverse_util import flatten_dict

from bn_repro.analysis import batch_noise, identities, nonlinearity_inputs, subject
from bn_repro.evaluate.network import restore
from bn_repro.models.mlp import SIGMOID_INPUTS
from bn_repro.paper.analysis_page import TABLES
from bn_repro.run.errors import UserError
from evaluate.saved import save_run
from support import small_config

SIZES = {'model.hidden_sizes': (9, 8), 'model.init_std': 0.5}


@pytest.fixture(scope='module')
def network(tmp_path_factory):
  config = small_config('batch_norm', **SIZES)
  return restore(save_run(config, tmp_path_factory.mktemp('runs') / 'run'))


@pytest.mark.slow
def test_an_answer_among_batch_mates_is_that_of_training(network):
  """The image comes first in a mini-batch of its own."""
  images = jnp.asarray(np.random.default_rng(0).random((5, 8, 8)), jnp.float32)
  found, _ = batch_noise._predictions(network)(images[:2], images[2:])
  for i in (0, 1):
    batch = jnp.concatenate([images[i : i + 1], images[2:]])
    logits, _ = network.model.apply(
      {'params': network.params, 'batch_stats': network.batch_stats},
      batch, train=True, mutable=['batch_stats', SIGMOID_INPUTS],
    )  # fmt: skip
    np.testing.assert_allclose(found[i], jax.nn.softmax(logits[0]), atol=1e-6)


def test_the_spread_by_its_definition():
  """Two draws of two images, two classes, one unit."""
  probabilities = np.asarray([[[0.9, 0.1], [0.4, 0.6]], [[0.7, 0.3], [0.6, 0.4]]])
  inputs = np.asarray([[[1.0], [3.0]], [[2.0], [4.0]]])
  found = batch_noise._spread(probabilities, inputs, [0, 1])
  assert found['share_that_changes'] == 0.5
  assert found['deviation_of_probability'] == pytest.approx(0.2 / np.sqrt(2))
  # Of each image 1 / sqrt(2), between images (means 1.5 and 3.5) 1.
  assert found['deviation_of_inputs'] == pytest.approx(1 / np.sqrt(2))


def test_mini_batches_larger_than_the_training_set_are_left_out(network, monkeypatch):
  """They cannot be drawn without taking an image twice."""
  monkeypatch.setattr(batch_noise, 'DRAWS', 2)
  monkeypatch.setattr(batch_noise, 'POOL', 4)
  found = batch_noise.measure(network, sizes=(3, 5, 6))
  assert [row['size'] for row in found['rows']] == [3, 5]


def test_more_batch_mates_are_less_noise(network, monkeypatch):
  monkeypatch.setattr(batch_noise, 'DRAWS', 5)
  found = batch_noise.measure(network, sizes=(3, 300))
  few, many = (row['deviation_of_inputs'] for row in found['rows'])
  assert few > 5 * many > 0
  lines = TABLES['batch_noise'](found).splitlines()
  assert [line.split('|')[1].strip() for line in lines[2:]] == ['3', '300']


@pytest.mark.slow
def test_identities_hold_but_for_rounding(network):
  found = identities.measure(network)
  assert [row['claim'] for row in found['rows']] == [5, 6, 6, 7]
  assert all(row['deviation'] < 1e-4 for row in found['rows'])
  assert 'gradient of a bias' in TABLES['identities'](found)


@pytest.mark.slow
@pytest.mark.parametrize('noise', [{'dropout': 0.5}, {'has_noise': True}], ids=str)
def test_what_only_training_adds_is_left_out(network, noise):
  noisy = network._replace(model=network.model.clone(**noise))
  assert identities.measure(noisy)['rows'] == identities.measure(network)['rows']
  found, expected = (
    batch_noise.measure(of, sizes=(3,))['rows'] for of in (noisy, network)
  )
  assert found == expected


def test_identities_need_gamma_and_beta(network):
  plain = {
    name: {} if name == 'batch_norm_1' else of for name, of in network.params.items()
  }
  with pytest.raises(UserError, match='without gamma and beta; choose a run'):
    identities.measure(network._replace(params=plain))


@pytest.mark.slow
def test_what_is_no_identity_is_seen(network):
  """Biases that BN does not take away; a network that was folded wrongly."""
  after = network._replace(model=network.model.clone(is_normalized_after=True))
  batch = subject.examples(network, 'test', 50)
  assert identities._bias(after, batch) > 1e-2
  scaled = jax.tree.map(lambda leaf: 1.01 * leaf, network.params)
  answer = lambda params: network.model.apply(
    {'params': params, 'batch_stats': network.batch_stats}, batch.images, train=False
  )
  assert identities._off(answer(scaled), answer(network.params)) > 1e-3


@pytest.mark.parametrize('measure', [batch_noise.measure, identities.measure])
def test_other_networks_are_refused(measure, tmp_path):
  plain = restore(save_run(small_config('baseline', **SIZES), tmp_path / 'run'))
  with pytest.raises(UserError, match='without batch normalization'):
    measure(plain)


DISTRIBUTIONS = {
  'gaussian': (lambda g: g.normal(3, 2, 10**5) - 3, 0, 0, 0.08, 0),
  'exponential': (lambda g: g.exponential(1, 10**5), 2, 6, 0.095, 0.29),
  'rectified': (lambda g: np.maximum(g.normal(0, 1, 10**5), 0), 1.65, 2.7, 0.52, 0.43),
}


@pytest.mark.parametrize('name', DISTRIBUTIONS)
def test_the_shape_of_known_distributions(name):
  draw, skewness, kurtosis, near_zero, distance = DISTRIBUTIONS[name]
  values = np.stack([draw(np.random.default_rng(seed)) for seed in range(5)], axis=1)
  found = nonlinearity_inputs._shape_of(np.float32(values))
  assert found['skewness'] == pytest.approx(skewness, abs=0.15)
  assert found['excess_kurtosis'] == pytest.approx(kurtosis, abs=1)
  assert found['near_zero'] == pytest.approx(near_zero, abs=0.01)
  assert found['from_gaussian'] == pytest.approx(distance, abs=0.03)


@pytest.mark.parametrize('side', [7, 14, 28, 32, 56, 112])
def test_every_row_and_column_of_a_map_is_sampled_alike(side):
  """Of 200 images, whatever factors their size has."""
  places = np.arange(200 * side * side) % (side * side)
  step = nonlinearity_inputs._step(len(places), side * side)
  taken = places[::step]
  for lines in (taken // side, taken % side):
    counts = np.bincount(lines, minlength=side)
    assert counts.min() > 0.95 * counts.mean() and counts.max() < 1.05 * counts.mean()
  assert 0.9 * nonlinearity_inputs.VALUES / 2 < len(taken) <= nonlinearity_inputs.VALUES


@pytest.mark.parametrize('side', [1, 4, 8, 16, 32, 64])
def test_maps_of_64_pixel_photographs_are_sampled_as_for_the_committed_results(side):
  number = 200 * side * side
  expected = -(-number // nonlinearity_inputs.VALUES)
  assert nonlinearity_inputs._step(number, side * side) == expected


def test_all_hidden_layers_are_measured_on_both_sides(network):
  found = nonlinearity_inputs.measure(network)
  assert [(row['layer'], row['side']) for row in found['rows']] == [
    (f'hidden_{i}', side) for i in (1, 2) for side in ('input', 'output')
  ]
  assert len(TABLES['nonlinearity_inputs'](found).splitlines()) == 4


@pytest.mark.slow
def test_inputs_of_an_inception_are_those_its_nonlinearities_are_given(
  tmp_path, monkeypatch
):
  """Their ReLU is what each convolution returns."""
  only_rows(monkeypatch, '3c', '5b')
  found = restore(save_run(small('bn_x5:{}'), tmp_path / 'run'))
  images = jnp.asarray(np.random.default_rng(0).random((3, 8, 8, 3)), jnp.float32)
  inputs = nonlinearity_inputs._inputs(found, images)
  variables = {'params': found.params, 'batch_stats': found.batch_stats}
  _, outputs = found.model.clone(is_joined=False).apply(
    variables, images, train=False, mutable=['intermediates'],
    capture_intermediates=lambda module, method: method == '__call__',
  )  # fmt: skip
  part = outputs['intermediates']['5b']['conv_1x1']['__call__'][0]
  expected = part.reshape(-1, part.shape[-1])
  np.testing.assert_allclose(np.maximum(inputs['5b/conv_1x1'], 0), expected, atol=1e-5)
  convolutions = [path for path in flatten_dict(found.params) if path[-1] == 'gamma']
  assert inputs.keys() == {'/'.join(path[:-2]) for path in convolutions}
