"""Plain and averaged weights: which were evaluated or exported is said, never mixed."""

import json

import numpy as np
import pytest
from jax import export as jax_export

from bn_repro import export
from bn_repro.analysis import command as analysis
from bn_repro.analysis import weight_scale
from bn_repro.data import sources
from bn_repro.evaluate import command, evaluation, serving
from bn_repro.evaluate.evaluation import evaluate, predict
from bn_repro.evaluate.network import restore
from bn_repro.evaluate.request import AVERAGED, MOVING_AVERAGE, PLAIN, Request
from bn_repro.paper.analysis_page import TABLES
from bn_repro.run import compilation, summary
from bn_repro.run.errors import UserError
from bn_repro.training.loop import train
from evaluate.saved import card_in, save_run
from support import PROJECT, small_config

NOTICE = 'its plain weights; --weights=averaged takes their average'


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """A finished one that keeps an average."""
  workdir = tmp_path_factory.mktemp('runs') / 'averaged'
  config = small_config('batch_norm', num_devices=1, **{'model.hidden_sizes': (20, 15)})
  with config.unlocked():
    config.polyak_decay = 0.9
  train(config, workdir)
  return workdir


def test_each_has_the_accuracy_that_training_found(run, capsys):
  """And its own file of predictions, which the other one leaves alone."""
  own, pages = summary.read(run), {}
  for weights in (None, AVERAGED, PLAIN):
    page = evaluate([run], Request(population_batches=5, weights=weights))
    printed = capsys.readouterr()
    assert f'; weights: {weights or PLAIN}\n' in printed.out
    assert (NOTICE in printed.err) == (weights is None)
    pages[weights] = page['members'][0]
  assert pages[None] == pages[PLAIN]
  assert [pages[w]['weights'] for w in (None, AVERAGED)] == [PLAIN, AVERAGED]
  names = {PLAIN: 'final_test_accuracy', AVERAGED: 'final_test_accuracy_polyak'}
  found = {weights: pages[weights]['top_1']['accuracy'] for weights in names}
  assert found == {weights: own[name] for weights, name in names.items()}
  assert found[PLAIN] != found[AVERAGED]
  assert pages[PLAIN]['checkpoint'] != pages[AVERAGED]['checkpoint']


def test_both_are_kept(run, monkeypatch):
  networks = {weights: restore(run, weights=weights) for weights in (PLAIN, AVERAGED)}
  answer = lambda weights: np.array(
    predict(networks[weights], Request(weights=weights)).read()['probabilities']
  )
  first = {weights: answer(weights) for weights in networks}
  monkeypatch.setattr(evaluation, '_complete', None)
  for weights, expected in first.items():
    np.testing.assert_array_equal(answer(weights), expected)
  assert np.any(first[PLAIN] != first[AVERAGED])


def test_the_card_of_an_export_says_which(run, tmp_path, capsys):
  """And its program gives the probabilities of those."""
  images = sources.load('digits').test.images[:50]
  for weights in (None, AVERAGED):
    output = tmp_path / f'network_{weights}'
    serving.export(run, 'population', output, weights)
    kind = weights or PLAIN
    assert card_in(output)['weights'] == kind
    printed = capsys.readouterr()
    assert f'{kind} weights' in printed.out
    assert (NOTICE in printed.err) == (weights is None)
    rows = predict(restore(run, weights=kind), Request(weights=weights)).read()
    found = jax_export.deserialize(bytearray(output.read_bytes())).call(images)
    np.testing.assert_allclose(found, rows['probabilities'][:50], rtol=1e-4, atol=1e-6)


def test_analyses_take_the_plain_ones_and_say_so(run, tmp_path, monkeypatch, capsys):
  """In a line, where there are others, and in what they measured."""
  monkeypatch.setattr(analysis.devices, 'start', lambda: None)
  monkeypatch.setattr(compilation, 'keep', lambda: None)
  monkeypatch.setattr(weight_scale, 'measure', lambda network: {'of': network.digest})
  monkeypatch.setitem(TABLES, 'weight_scale', str)
  plain = save_run(small_config('batch_norm'), tmp_path / 'plain')
  for workdir in (run, plain):
    output = tmp_path / f'{workdir.name}.json'
    words = [f'--workdir={workdir}', f'--output={output}']
    analysis.measure('weight_scale', analysis.parse(words))
    page = json.loads(output.read_text())
    assert page['weights'] == PLAIN and page['of'] == restore(workdir).digest
    said = capsys.readouterr().err
    assert ('its plain weights, not their average' in said) == (workdir is run)


def test_what_does_not_fit_together(run, tmp_path):
  plain = save_run(small_config('batch_norm'), tmp_path / 'plain')
  with pytest.raises(UserError, match='keeps no average of its weights; use --weights'):
    evaluate([plain], Request(weights=AVERAGED))
  with pytest.raises(UserError, match='taken with the plain weights; use --weights=pl'):
    evaluate([run], Request(statistics=MOVING_AVERAGE, weights=AVERAGED))
  with pytest.raises(UserError, match='plain weights alone; leave --weights out'):
    evaluate([], Request(weights=AVERAGED), models=['mnist_baseline'])


@pytest.mark.parametrize(
  'parse, words, expected',
  [
    (command.parse, ['--statistics=moving_average', '--population_batches=100'],
     'averages over no --population_batches; leave one of the two flags out'),
    (command.parse, ['--statistics=moving_average', '--weights=averaged'],
     'were taken with the plain weights'),
    (command.parse, ['--weights=best'], "invalid choice: 'best'"),
    (export.parse, ['--output=x', '--statistics=moving_average', '--weights=averaged'],
     'were taken with the plain weights'),
    (export.parse, ['--output=x.safetensors', '--weights=plain'],
     'the weights that the reports evaluate; leave --weights out'),
  ],
)  # fmt: skip
def test_flags_that_contradict_each_other_are_refused(parse, words, expected):
  with pytest.raises(UserError, match=expected) as caught:
    parse(['--workdir=a', *words])
  assert '\n' not in str(caught.value) and caught.value.exit_code == 2


@pytest.mark.parametrize('name', ['summary', 'text', 'folder', 'link'])
def test_a_card_takes_the_place_of_no_other_file(tmp_path, name):
  """Such as summary.json of the run, or what is not even of JSON."""
  (tmp_path / 'summary.json').write_text('{"step": 7}')
  (tmp_path / 'text.json').write_text('a, b')
  (tmp_path / 'folder.json').mkdir()
  (tmp_path / 'link.json').symlink_to(tmp_path / 'nothing')
  (tmp_path / 'card.json').write_text('{"weights_sha256": ""}')
  parse = lambda stem: export.parse(
    [f'--workdir={tmp_path}', f'--output={tmp_path / stem}.safetensors']
  )
  with pytest.raises(UserError, match=rf'the place of .*/{name}\.json, which is none'):
    parse(name)
  for stem in ('card', 'new'):
    assert parse(stem).output == tmp_path / f'{stem}.safetensors'


def test_a_model_is_no_ensemble_with_itself():
  """However it is named."""
  name = 'mnist_baseline'
  path = PROJECT / 'results' / 'models' / f'{name}.safetensors'
  with pytest.raises(UserError, match=r'--model=.* a model is given twice'):
    command.parse([f'--model={name},{path}'])
  assert len(command.parse([f'--model={name},mnist_batch_norm']).model) == 2


def test_flags_that_do_not_are_not():
  parsed = command.parse(['--workdir=a', '--statistics=moving_average'])
  assert (parsed.population_batches, parsed.weights) == (100, None)
  parsed = command.parse(['--workdir=a', '--population_batches=7'])
  assert parsed.population_batches == 7
