"""A run that begins with a published model's weights: which, and when."""

import copy

import jax
import numpy as np
import pytest

from bn_repro.data import contents, sources
from bn_repro.data.pixels import PixelFeed
from bn_repro.models import networks
from bn_repro.run import config as config_lib
from bn_repro.run import published, summary
from bn_repro.run.checkpoint import Checkpoints
from bn_repro.run.errors import UserError
from bn_repro.training import command, initial
from bn_repro.training.experiment import with_examples
from bn_repro.training.resume import start_or_resume
from evaluate.saved import random_variables
from support import PROJECT, as_flags, metrics_of, program, small_config

pytest.importorskip('safetensors', reason='an older environment lacks safetensors')

HEAD = ('--config=configs/mnist.py:batch_norm',)
SHORT = as_flags(
  {'dataset.name': 'digits', 'train_for': '2 steps', 'log_every': '2 steps',
   'evaluate_every': '2 steps', 'checkpoint_every': '2 steps', 'steps_per_call': 1}
)  # fmt: skip


@pytest.fixture
def model(tmp_path):
  """A model of random weights that knows the digits' classes."""
  config = small_config('batch_norm')
  variables = random_variables(networks.build(config, 10), (8, 8), seed=5)
  path = tmp_path / 'made.safetensors'
  card = {'config': config.to_dict(), 'identity': {'data': contents.of('digits')}}
  published.write(path, published.packed(variables), card)
  return path, variables


def experiment_of(model, network='batch_norm', num_classes=10, **overrides):
  config = small_config(network, num_devices=1, **overrides)
  origin = command.init_from(str(model), model.parent / 'no_run')
  with config.unlocked():
    config.init_from = origin
  config_lib.check(config)
  digits = sources.load('digits').train
  examples = sources.Examples(digits.images, digits.labels % num_classes)
  return with_examples(config, examples, num_classes, PixelFeed)


def test_it_begins_with_the_weights_and_statistics(model):
  """The average of a run that keeps one begins with them, too."""
  path, variables = model
  state = initial.begin(experiment_of(path))
  jax.tree.map(np.testing.assert_array_equal, state.params, variables['params'])
  jax.tree.map(
    np.testing.assert_array_equal, state.batch_stats, variables['batch_stats']
  )
  experiment = experiment_of(path)
  experiment.config.polyak_decay = 0.5
  state = initial.begin(experiment)
  jax.tree.map(np.testing.assert_array_equal, state.averaged, variables['params'])


def test_with_another_number_of_classes_the_logits_are_new(model, monkeypatch, capsys):
  path, variables = model
  fewer = contents.of('digits') | {'num_classes': 7, 'name': 'fewer'}
  monkeypatch.setattr(contents, 'of', lambda name: fewer)
  experiment = experiment_of(path, num_classes=7)
  state, own = initial.begin(experiment), initial.initial_state(experiment)
  np.testing.assert_array_equal(
    state.params['logits']['kernel'], own.params['logits']['kernel']
  )
  assert state.params['logits']['kernel'].shape == (100, 7)
  np.testing.assert_array_equal(
    state.params['hidden_1']['kernel'], variables['params']['hidden_1']['kernel']
  )
  said = capsys.readouterr().out
  assert (
    'its logits are new, for there are 10 classes in digits and 7 classes in' in said
  )


def test_with_other_classes_the_logits_are_new(model, monkeypatch, capsys):
  path, _ = model
  letters = contents.of('digits') | {'classes': list('abcdefghij'), 'name': 'letters'}
  monkeypatch.setattr(contents, 'of', lambda name: letters)
  experiment = experiment_of(path)
  state, own = initial.begin(experiment), initial.initial_state(experiment)
  jax.tree.map(
    np.testing.assert_array_equal, state.params['logits'], own.params['logits']
  )
  assert "for class 0 is '0' in digits and 'a' in letters" in capsys.readouterr().out


@pytest.mark.parametrize(
  'network, overrides, words',
  [
    ('baseline', {}, 'its batch_norm_1/beta has shape .* and that of the run none'),
    ('batch_norm', {'model.hidden_sizes': (100, 50, 100)}, r'\(50,\); choose a model'),
  ],
)
def test_another_network_is_refused(model, network, overrides, words):
  experiment = experiment_of(model[0], network, **overrides)
  with pytest.raises(UserError, match=words):
    initial.begin(experiment)


def test_a_resumed_run_does_not_read_the_model_again(model, tmp_path):
  """Which may be gone by then; another model is refused."""
  path, workdir = model[0], tmp_path / 'run'
  workdir.mkdir()
  experiment = experiment_of(path)
  config_lib.store(experiment.config, workdir, [])
  begun = start_or_resume(experiment, workdir)
  with Checkpoints(workdir) as checkpoints:
    checkpoints.save(begun.to_checkpoint())
  path.unlink()
  origin = command.init_from(str(path), workdir)
  assert origin == experiment.config.init_from
  resumed = start_or_resume(experiment, workdir)
  equal = np.testing.assert_array_equal
  jax.tree.map(equal, resumed.state.params, begun.state.params)
  for change in ({'model': 'another'}, None):
    other = copy.deepcopy(experiment.config)
    with other.unlocked():
      if change:
        other.init_from.update(change)
      else:
        del other['init_from']
    with pytest.raises(UserError, match=r'another config, which differs in init_from'):
      config_lib.check_workdir(other, workdir)


def test_weights_that_were_changed_since_are_refused(model):
  experiment = experiment_of(model[0])
  published.write(
    model[0], published.packed({'params': {'a': np.ones(1, np.float32)}}), {}
  )
  with pytest.raises(UserError, match='does not hold the weights of SHA-256'):
    initial.begin(experiment)


def test_the_command_line_records_it_and_resumes(model, tmp_path):
  """The curve begins at the model's accuracy; the same command finds it finished."""
  command_line = (
    *HEAD, *SHORT, f'--init_from={model[0]}', f'--workdir={tmp_path / "run"}'
  )  # fmt: skip
  result = program(*command_line)
  assert result.returncode == 0, result.stderr
  assert f'begins with the weights of {model[0]}' in result.stdout
  flat = summary.read(tmp_path / 'run')['config']
  assert flat['init_from.model'] == str(model[0])
  card = published.card_of(model[0])
  assert flat['init_from.sha256'] == card['weights_sha256']
  assert '--init_from=' in (tmp_path / 'run' / 'overrides.txt').read_text()
  assert [line['step'] for line in metrics_of(tmp_path / 'run')] == [0, 2]
  again = program(*command_line)
  assert again.returncode == 0 and 'finished before' in again.stdout


@pytest.mark.parametrize('program_of', ['--init_from', '--model'])
def test_no_such_model_is_one_line_and_code_2(tmp_path, program_of):
  """Which lists those that there are."""
  words = [f'{program_of}=nix']
  if program_of == '--init_from':
    result = program(*HEAD, *words, f'--workdir={tmp_path / "run"}')
  else:
    from forked import clean_environment, run

    result = run(['-m', 'bn_repro.evaluate', *words], PROJECT, clean_environment())
  assert result.returncode == 2 and result.stdout == ''
  (line,) = result.stderr.splitlines()
  names = sorted(path.stem for path in (PROJECT / 'results' / 'models').glob('*.json'))
  there_are = f"{program_of}='nix' is no published model; there are {', '.join(names)}"
  assert there_are in line and 'mnist_baseline' in names
  assert not (tmp_path / 'run').exists()
