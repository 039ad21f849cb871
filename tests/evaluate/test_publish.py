"""A finished run as a published model: what it holds, and who reads it the same."""

import json
import re
import sys

import jax
import numpy as np
import pytest

from bn_repro.data import sources
from bn_repro.evaluate import publish
from bn_repro.evaluate.evaluation import evaluate
from bn_repro.evaluate.network import restore, restore_model
from bn_repro.evaluate.request import MOVING_AVERAGE, Request
from bn_repro.run import checkpoint, published, summary
from bn_repro.run.errors import UserError
from bn_repro.training.loop import train
from evaluate.saved import save_run
from support import PROJECT, small_config

pytest.importorskip('safetensors', reason='an older environment lacks safetensors')

MODELS = PROJECT / 'results' / 'models'
CARDS = sorted(MODELS.glob('*.json'))
PAGE = (PROJECT / 'docs' / 'models.md').read_text()
BLOCKS = re.findall(r'```python\n(.*?)```', PAGE, re.DOTALL)


@pytest.fixture(scope='module', autouse=True)
def cache(tmp_path_factory):
  """What evaluation keeps of a model."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
    yield


def trained(folder, network='batch_norm', **fields):
  """A finished run on the digits, whose last evaluation is as that of a model."""
  config = small_config(network, num_devices=1, population_batches=100)
  with config.unlocked():
    config.update(fields)
  train(config, folder)
  return folder


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  return trained(tmp_path_factory.mktemp('runs') / 'averaged', polyak_decay=0.9)


@pytest.fixture(scope='module')
def model(run, tmp_path_factory):
  path = tmp_path_factory.mktemp('models') / 'made.safetensors'
  publish.publish(run, path)
  return path


def test_the_number_is_that_of_the_run_and_of_the_card(run, model, tmp_path):
  """Of a run that keeps an average, the average's, with statistics of its own."""
  card, own = published.card_of(model), summary.read(run)
  page = evaluate([], Request(), tmp_path / 'scores.json', models=[str(model)])
  (member,) = page['members']
  assert card['weights'] == 'averaged'
  accuracy = own['final_test_accuracy_polyak']
  assert accuracy != own['final_test_accuracy']
  assert card['accuracy_in_training'] == accuracy
  assert member['top_1'] == card['accuracy']['top_1']
  assert member['top_1']['accuracy'] == accuracy
  assert member['top_1']['low'] < accuracy < member['top_1']['high']
  assert (member['step'], member['workdir']) == (40, 'made')
  assert card['config']['polyak_decay'] == 0.9 and card['licence'] == 'Apache-2.0'
  assert card['identity']['data']['name'] == 'digits' and card['in_results'] is None


def test_it_is_written_to_the_same_bytes_and_reads_no_training_set(
  run, model, tmp_path, monkeypatch
):
  publish.publish(run, tmp_path / 'again.safetensors')
  assert (tmp_path / 'again.safetensors').read_bytes() == model.read_bytes()
  monkeypatch.setattr('bn_repro.evaluate.statistics.computed', None)
  evaluate([], Request(), tmp_path / 'scores.json', models=[str(model)])


def test_without_batch_normalization_there_are_no_statistics(tmp_path):
  folder = trained(tmp_path / 'run', 'baseline')
  card = publish.publish(folder, tmp_path / 'plain.safetensors')
  assert card['weights'] == 'plain' and card['population_batches'] is None
  read = restore_model(str(tmp_path / 'plain.safetensors'))
  own = restore(folder)
  jax.tree.map(np.testing.assert_array_equal, read.variables, own.variables)
  assert read.batch_stats == {}


@pytest.mark.parametrize('polyak_decay', [0.0, 0.9])
def test_the_checkpoint_is_read_once(polyak_decay, tmp_path, monkeypatch):
  """Reading a large one takes long; and a second one could be of another step."""
  config, times, read = small_config('batch_norm'), [], checkpoint.read_newest
  with config.unlocked():
    config.polyak_decay = polyak_decay
  workdir = save_run(config, tmp_path / 'run')

  def count(workdir):
    times.append(1)
    newest = read(workdir)
    averaged = {'averaged': newest.arrays['params']} if polyak_decay else {}
    return newest._replace(arrays=newest.arrays | averaged)

  monkeypatch.setattr(checkpoint, 'read_newest', count)
  network = publish._of_the_printed_number(workdir)
  assert len(times) == 1
  assert network.weights == ('averaged' if polyak_decay else 'plain')


def test_what_cannot_be_published_or_evaluated_is_one_line(run, model, tmp_path):
  unfinished = save_run(small_config('batch_norm'), tmp_path / 'run')
  output = tmp_path / 'x.safetensors'
  with pytest.raises(UserError, match='holds no finished run; give the command that'):
    publish.publish(unfinished, output)
  for fields, words in (
    ({'diverged': True}, 'diverged; choose another'),
    ({'diverged': False, 'last_step': 9}, 'is of step 7, and the run ended at step 9'),
  ):
    summary.write(unfinished, fields)
    with pytest.raises(UserError, match=words):
      publish.publish(unfinished, output)
  assert not output.exists()
  with pytest.raises(UserError, match='with population statistics alone; use'):
    evaluate([], Request(statistics=MOVING_AVERAGE), models=[str(model)])


# What is committed.


@pytest.mark.parametrize('path', CARDS, ids=lambda path: path.stem)
def test_a_published_model_is_whole_and_listed(path):
  """With the number that docs/models.md and its card print."""
  card = published.card_of(path.with_suffix('.safetensors'))
  read = restore_model(path.stem)
  assert read.step == card['step']
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(read.variables))
  (row,) = (line for line in PAGE.splitlines() if line.startswith(f'| `{path.stem}` |'))
  top = card['accuracy']['top_1']
  assert publish.share(top['accuracy'], top['low'], top['high']) in row
  over_seeds = card['in_results']['over_seeds']
  assert f'{over_seeds["mean"]:.2%}'.replace('%', ' %') in row
  assert card['accuracy_in_training'] == card['in_results']['accuracy']


def test_of_section_4_1_the_seed_is_the_one_nearest_the_mean():
  """Of figure 3's networks one seed of the protocol is published."""
  for path in MODELS.glob('mnist_*.json'):
    card = json.loads(path.read_text())
    folder, sweep, run = card['in_results']['run'].split('/')
    runs = json.loads((PROJECT / 'results' / folder / f'{sweep}.json').read_text())
    name = {'plain': publish.ACCURACY, 'averaged': publish.AVERAGED_ACCURACY}
    variant = run.partition('_seed')[0]
    accuracies = {
      other: one[name[card['weights']]]
      for other, one in runs.items()
      if other.partition('_seed')[0] == variant
    }
    mean = card['in_results']['over_seeds']['mean']
    assert min(accuracies, key=lambda other: abs(accuracies[other] - mean)) == run


# In other frameworks, by the lines of docs/models.md.


def test_the_lines_for_flax_give_logits(monkeypatch):
  """Which tell the digits apart, scaled to 28 by 28 pixels."""
  digits = sources.load('digits').test
  large = np.kron(digits.images, np.ones((1, 3, 3)))[:, 1:-1, 1:-1]
  images = np.pad(large, ((0, 0), (3, 3), (3, 3))) > 127
  names = {'images': images.astype(np.float32)}
  exec(BLOCKS[0], names)
  assert names['logits'].shape == (len(images), 10)
  assert np.mean(np.argmax(names['logits'], 1) == digits.labels) > 0.3


def test_the_lines_for_pytorch_give_the_same_logits(monkeypatch):
  pytest.importorskip('torch', reason='PyTorch is absent: .[benchmark] has it')
  monkeypatch.chdir(PROJECT)
  images = np.random.default_rng(0).integers(0, 2, (20, 28, 28)).astype(np.float32)
  names = {'images': images}
  exec(BLOCKS[0], names)
  ours = np.asarray(names['logits'])
  exec(BLOCKS[2], names)
  np.testing.assert_allclose(names['logits'].numpy(), ours, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize('name', [n for n in published.names() if 'mnist' not in n])
def test_the_port_of_inception_gives_the_same_logits(name, quick_compiler, monkeypatch):
  """Of the weights of figure 3's networks, whatever each is made of."""
  torch = pytest.importorskip('torch', reason='PyTorch is absent: .[benchmark] has it')
  monkeypatch.syspath_prepend(str(PROJECT / 'scripts' / 'benchmarks'))
  names = {'network': restore_model(name)}
  exec(BLOCKS[1], names)
  images = np.random.default_rng(0).uniform(-1, 1, (8, 64, 64, 3)).astype(np.float32)
  apply = jax.jit(lambda v, x: names['network'].model.apply(v, x, train=False))
  ours = np.asarray(apply(names['network'].variables, images))
  with torch.no_grad():
    theirs = names['rival'](torch.from_numpy(images).movedim(-1, 1)).numpy()
  assert np.std(ours) > 0.1
  np.testing.assert_allclose(theirs, ours, atol=1e-4)
  sys.modules.pop('subjects', None)


@pytest.mark.parametrize(
  'pixels, size, expected',
  [
    ('grey', (8, 8), 'grey from 0 to 1'),
    ('grey', (8, 8, 3), 'RGB from 0 to 1'),
    ('binary', (8, 8), '1 where grey, from 0 to 1, is above 0.5, else 0'),
    ('binary', (8, 8, 3), '1 where RGB, from 0 to 1, is above 0.5, else 0'),
  ],
)
def test_a_card_says_what_the_inputs_of_section_4_1_are(pixels, size, expected):
  config = small_config('batch_norm', **{'dataset.pixels': pixels})
  assert publish.values_of(config, size) == expected
