"""The rivals of scripts/benchmarks/train_step.py do the work that ours does."""

import functools
import sys

import jax
import numpy as np
import optax
import pytest
from fake_experiment import only_rows

from bn_repro.models import networks
from bn_repro.training import optimizer
from support import PROJECT

sys.path.append(str(PROJECT / 'scripts' / 'benchmarks'))

from subjects import noise
from subjects import train_step_jax as subjects
from subjects.train_step_task import Task, operations

torch = pytest.importorskip(
  'torch', reason='PyTorch is absent: pip install -e .[benchmark]'
)
port = pytest.importorskip('subjects.train_step_torch')

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures('quick_compiler')]
OVERRIDES = {'batch_size': 8, 'model.width': 0.0625, 'learning_rate': 1e-3}
TASK = Task(
  'ours', 'cpu', 'imagenette_160', OVERRIDES, seconds=0.0, threads=1,
  channels_last=True,
)  # fmt: skip
CLASSES = 10


@pytest.fixture(scope='module')
def config():
  return TASK.config


@pytest.fixture(scope='module')
def model(config):
  return networks.build(config, CLASSES)


@pytest.fixture(scope='module')
def images():
  """From -1 to 1, each of another brightness and contrast."""
  random = np.random.default_rng(0)
  scale, shift = random.uniform(0.1, 0.5, (2, 8, 1, 1, 1))
  images = random.uniform(-1, 1, (8, 64, 64, 3)) * scale + shift
  return images.astype(np.float32)


@pytest.fixture(scope='module')
def variables(model, images):
  """Weights as they begin, and all else a little beside 0 or 1."""
  random = np.random.default_rng(1)

  def draw(path, leaf):
    if path[-1].key == 'kernel':
      spread = np.sqrt(2 / np.prod(leaf.shape[:-1]))
      return random.normal(0, spread, leaf.shape).astype(np.float32)
    middle = float(path[-1].key in ('gamma', 'var'))
    return random.uniform(middle - 0.2, middle + 0.2, leaf.shape).astype(np.float32)

  initialize = functools.partial(model.init, train=False)
  shapes = jax.eval_shape(initialize, jax.random.key(0), images)
  return jax.tree_util.tree_map_with_path(draw, shapes)


@pytest.fixture
def network(config, variables):
  network = port.Network(config)
  port.load(network, variables)
  return network


def test_both_have_as_many_parameters(network, variables):
  leaves = jax.tree.leaves(variables['params'])
  assert sum(p.numel() for p in network.parameters()) == sum(a.size for a in leaves)


@pytest.mark.parametrize('train', [False, True], ids=['evaluation', 'training'])
def test_same_weights_give_the_same_logits(network, model, variables, images, train):
  """And the same running statistics, which training moves."""
  apply = functools.partial(model.apply, train=train, mutable=['batch_stats'])
  ours, updated = jax.jit(apply)(variables, images)
  with torch.no_grad():
    theirs = network.train(train)(torch.tensor(images).movedim(-1, 1))
  assert np.std(ours) > 0.1
  np.testing.assert_allclose(theirs.numpy(), ours, rtol=0, atol=1e-3)
  moved = port.Network(TASK.config)
  port.load(moved, {'params': variables['params'], **updated})
  expected = dict(moved.named_buffers())
  for name, buffer in network.named_buffers():
    torch.testing.assert_close(buffer, expected[name], rtol=1e-3, atol=1e-3)


def test_another_network_is_not_loaded(config, variables):
  wider = config.copy_and_resolve_references()
  wider.model.width = 0.125
  with pytest.raises(ValueError, match='shape'):
    port.load(port.Network(wider), variables)
  headless = {
    name: part for name, part in variables['params'].items() if name != 'logits'
  }
  with pytest.raises(ValueError, match=r'logits\.bias, logits\.weight besides'):
    port.load(port.Network(config), {'params': headless})


def test_running_statistics_are_loaded_whole(config, variables):
  first, *_ = statistics = variables['batch_stats']
  fewer = {name: statistics[name] for name in statistics if name != first}
  with pytest.raises(ValueError, match='running_var besides'):
    port.load(port.Network(config), {**variables, 'batch_stats': fewer})


def test_the_update_is_ours(config, network, variables):
  """Three times with one gradient; momentum, and L2 on weights alone, both large."""
  config = config.copy_and_resolve_references()
  config.l2, config.momentum = 0.5, 0.7
  gradient = jax.tree.map(lambda leaf: np.cos(100 * leaf), variables['params'])
  ours = optimizer.build(config, config.learning_rate, config.l2)
  params = variables['params']
  state = ours.init(params)
  theirs = port.optimizer_of(network, config)
  copy = port.Network(config)
  port.load(copy, {'params': gradient})
  for parameter, of_loss in zip(network.parameters(), copy.parameters()):
    parameter.grad = of_loss.data
  for _ in range(3):
    update, state = ours.update(gradient, state, params)
    params = optax.apply_updates(params, update)
    theirs.step()
  port.load(copy, {'params': params})
  for parameter, expected in zip(network.parameters(), copy.parameters()):
    torch.testing.assert_close(parameter, expected)


def test_every_rival_reaches_the_loss_of_ours(config, monkeypatch):
  """Same weights, images, order and gradient; more steps would enlarge rounding."""
  only_rows(monkeypatch, '3b', '3c')
  examples = noise.images(config)
  # Flax broadcasts and promotes where this suite forbids it.
  with jax.numpy_dtype_promotion('standard'), jax.numpy_rank_promotion('allow'):
    builds = (subjects.ours, subjects.flax, port.torch_eager)
    steps = [build(config, examples, TASK) for build in builds]
    losses = np.array([[step.run(range(i, i + 1)) for i in range(3)] for step in steps])
  assert len({step.parameters for step in steps}) == 1
  np.testing.assert_allclose(losses[1:], losses[[0, 0]], rtol=1e-4)


def test_gflop_are_those_of_figure_5():
  """Of variant D at full size, 1,934,857,216 multiply-adds forward."""
  task = TASK._replace(dataset='imagenet2012', overrides={})
  assert operations(task.config) == 6 * 1_934_857_216
