"""Stochastic gradient descent: momentum, the staircase of the rate, the L2 penalty."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from numpy.testing import assert_allclose

from bn_repro.run import config as config_lib
from bn_repro.run import durations
from bn_repro.training import hyperparameters, optimizer
from support import PROJECT

NUM_EXAMPLES = 1437  # of the digits; 24 steps of 60
RATE = 0.5


def load(network, **overrides):
  """A config of section 4.2, with fields overridden."""
  return config_lib.load(str(PROJECT / 'configs' / f'{network}.py:digits'), overrides)


def schedule(config, num_examples=NUM_EXAMPLES):
  return optimizer.learning_rates(config, durations.lengths(config, num_examples))


def descended(config, weights, gradients):
  """The weights after a step along each of the gradients."""
  l2, of_step = hyperparameters.of_run(config).l2, schedule(config)
  state = optimizer.build(config, 0.0, l2).init(weights)
  for step, gradient in enumerate(gradients):
    transformation = optimizer.build(config, of_step(step), l2)
    update, state = transformation.update(gradient, state, weights)
    weights = optax.apply_updates(weights, update)
  return weights


# Section 4.1.


@pytest.mark.parametrize('momentum', [0.0, 0.9])
def test_update_is_sgd_with_momentum(config, momentum):
  """v = momentum * v + g; w = w - rate * v."""
  config.momentum, config.learning_rate = momentum, RATE
  gradients = [np.array([1.0, 3.0]), np.array([-2.0, 0.5])]
  weights = {'w': jnp.asarray([1.0, -2.0])}
  got = descended(config, weights, [{'w': jnp.asarray(g)} for g in gradients])
  velocity, expected = np.zeros(2), np.asarray([1.0, -2.0])
  for gradient in gradients:
    velocity = momentum * velocity + gradient
    expected = expected - RATE * velocity
  assert_allclose(got['w'], expected, rtol=1e-6)


def test_the_rate_is_constant(config):
  rate = schedule(config)
  assert {float(rate(step)) for step in (0, 1, 49_999)} == {config.learning_rate}


# Section 4.2.


@pytest.mark.parametrize(
  'network, rate, every', [('inception', 0.0015, 320_292), ('bn_x30', 0.045, 53_382)]
)
def test_the_rate_falls_by_4_percent_at_once(network, rate, every):
  """Every 8 epochs of ImageNet, or 6 times as often; not little by little."""
  of_step = schedule(load(network), num_examples=1_281_167)
  for step, falls in (
    (0, 0), (1, 0), (every - 1, 0), (every, 1), (every + 1, 1),
    (2 * every - 1, 1), (2 * every, 2), (50 * every, 50), (50 * every + every // 2, 50),
  ):  # fmt: skip
    assert_allclose(of_step(step), rate * 0.96**falls, rtol=2e-6)


MOST = 40_000_000  # steps
# Of digits and the like; of ImageNet, of BN-x5 and of Inception; of no float32.
LENGTHS = np.r_[1:10_001, 53_382, 320_292, 2**24 + 1, MOST].astype(np.int32)


def staircase(every, rate=0.0015, decay=0.96):
  """The schedule of a rate that falls after each `every` steps."""
  config = SimpleNamespace(learning_rate=rate, learning_rate_decay=decay)
  lengths = SimpleNamespace(learning_rate_decay_every=every)
  return optimizer.learning_rates(config, lengths)


def some_falls():
  """`[110, lengths]` int32: the first hundred falls of each length, and ten others."""
  most = MOST // LENGTHS
  first = np.broadcast_to(np.arange(1, 101)[:, None], (100, len(LENGTHS)))
  others = np.random.default_rng(0).integers(1, most + 1, (10, len(LENGTHS)))
  return np.minimum(np.concatenate([first, others]), most).astype(np.int32)


def test_the_rate_falls_exactly_at_multiples_of_ten_thousand_lengths():
  """To step 40 million."""
  falls, steps = some_falls(), some_falls() * LENGTHS
  ends = np.minimum(steps + LENGTHS - 1, MOST)
  after = staircase(1)  # tested against float64 below
  for number, at in (falls - 1, steps - 1), (falls, steps), (falls, ends):
    of_lengths = [staircase(n)(column) for n, column in zip(LENGTHS, at.T)]
    np.testing.assert_array_equal(np.stack(of_lengths, axis=1), after(number))


@pytest.mark.parametrize('rate, decay', [(0.0015, 0.96), (0.5, 0.9999999), (0.1, 1.0)])
def test_the_rate_after_any_number_of_falls_is_the_product(rate, decay):
  """Of rate and decay in single precision, but for rounding; to the last step."""
  most = durations.MOST_STEPS
  falls = np.r_[0:5000, np.geomspace(5000, most, 2000).astype(int), most]
  falls = np.minimum(falls, most).astype(np.int32)
  got = staircase(1, rate, decay)(falls)
  exact = float(np.float32(rate)) * float(np.float32(decay)) ** falls.astype('f8')
  assert got.dtype == np.float32
  assert_allclose(got, exact, rtol=2.5e-7, atol=1e-37)


def a_network(seed):
  """Parameters, or gradients, named as those of a network are."""
  rng = np.random.default_rng(seed)
  layer = lambda *names: {name: rng.normal(size=(2, 3)).astype('f4') for name in names}
  return {
    '3a': {
      'conv_1x1': {'convolution': layer('kernel'), 'batch_norm': layer('gamma', 'beta')}
    },
    'convolution_1': {'depthwise': layer('kernel'), 'convolution': layer('bias')},
    'logits': layer('kernel', 'bias'),
  }


@pytest.mark.parametrize('on_gamma_and_beta', [False, True])
def test_the_penalty_is_l2_times_each_weight(on_gamma_and_beta):
  """Added to the gradient, so that momentum gathers it: two steps in NumPy.

  Of kernels; of gamma and beta if a config says so; of biases never.
  """
  config = load(
    'bn_baseline', l2=0.1, l2_on_gamma_and_beta=on_gamma_and_beta, learning_rate=RATE,
    learning_rate_decay_every='1 step', learning_rate_decay=0.8,
  )  # fmt: skip
  assert config.momentum == 0.9
  weights, gradients = a_network(0), [a_network(1), a_network(2)]
  got = descended(config, weights, gradients)
  penalized = {'kernel', *(('gamma', 'beta') if on_gamma_and_beta else ())}

  def by_hand(path, w, *of_steps):
    l2 = 0.1 if path[-1].key in penalized else 0.0
    w, velocity = w.astype('f8'), 0.0
    for step, gradient in enumerate(of_steps):
      velocity = 0.9 * velocity + gradient + l2 * w
      w = w - RATE * 0.8**step * velocity
    return w

  expected = jax.tree_util.tree_map_with_path(by_hand, weights, *gradients)
  jax.tree.map(lambda *pair: assert_allclose(*pair, 1e-5, 1e-6), got, expected)


def test_without_a_penalty_nothing_is_added():
  config = load('inception', l2=0.0)
  zeros = jax.tree.map(np.zeros_like, a_network(0))
  got = descended(config, a_network(0), [zeros, zeros])
  jax.tree.map(np.testing.assert_array_equal, got, a_network(0))
