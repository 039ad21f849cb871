"""What a call of `conformance.run` refuses, and what it measures once more."""

import json
from pathlib import Path
from unittest import mock

import pytest

from bn_repro.paper import conformance
from bn_repro.run import provenance
from bn_repro.run.errors import UserError
from conformance import environments, pages, run, timing

CARRIED_OVER = {'ours': {'outputs': 0.0}, 'torch_layer': {'outputs': 0.0}}


def measured(results, *words, ours=1.0):
  """The page of speeds after a call, in which ours takes so many seconds."""
  answer = {'7x7x1024': {'forward': ours, 'backward': ours, 'megabytes': 1.0}}
  with pytest.MonkeyPatch.context() as patch:
    words = ('ours', '--speed', f'--results={results}', *words)
    patch.setattr('sys.argv', ['run.py', *words])
    patch.setattr(timing, 'speeds_of', lambda *_: answer)
    patch.setattr(run.exits, 'exit_after', lambda action: action())
    run.main()
  return json.loads((results / 'speed_1.json').read_text())


@pytest.mark.parametrize(
  'word',
  ['--threads=0', '--threads=9999', '--batch=0', '--rounds=0', '--seconds=0',
   '--seconds=nan', '--seconds=inf'],
)  # fmt: skip
def test_numbers_that_cannot_be_meant_are_refused(tmp_path, word):
  name = word[2:].partition('=')[0]
  with pytest.raises(UserError, match=f'^--{name}='):
    measured(tmp_path / 'results', word)
  assert not (tmp_path / 'results').exists()


def test_rounds_of_one_page_are_measured_alike(tmp_path, monkeypatch):
  """More of them may follow; with other settings, or elsewhere, they are refused."""
  assert len(measured(tmp_path, '--rounds=1')['rounds']) == 1
  page = measured(tmp_path, '--rounds=2', ours=2.0)
  assert len(page['rounds']) == 2 and '--rounds=2 --seconds=1.0' in page['command']
  for word in ('--batch=64', '--seconds=0.5'):
    with pytest.raises(UserError, match=f'_1.json .*and this .*{word}.*; remove it,'):
      measured(tmp_path, '--rounds=2', word)
  monkeypatch.setattr(provenance, 'device', lambda _: 'another')
  with pytest.raises(UserError, match=r'speed_1.json .* on another'):
    measured(tmp_path, '--rounds=3')
  assert json.loads((tmp_path / 'speed_1.json').read_text()) == page


@pytest.mark.parametrize(
  'words, said',
  [
    (['--speed', '--probes=carry'], '--probes has no effect with --speed; '),
    (['--threads=2'], '--threads has an effect with --speed only; '),
    (['--note='], '--note has an effect with --speed only; '),
    (['--probes='], "no probe ''; there are algorithm_1, "),
  ],
)
def test_flags_that_would_be_ignored_are_refused(tmp_path, monkeypatch, words, said):
  results = tmp_path / 'results'
  monkeypatch.setattr('sys.argv', ['run.py', 'ours', f'--results={results}', *words])
  monkeypatch.setattr(run.exits, 'exit_after', lambda action: action())
  with pytest.raises(UserError, match=f'^{said}'):
    run.main()
  assert not results.exists()


def test_two_calls_that_write_the_same_results_are_refused(tmp_path):
  """The second would write over what the first has measured meanwhile."""
  with (
    pages.alone_in(tmp_path),
    pytest.raises(UserError, match='another call writes into'),
  ):
    measured(tmp_path, '--rounds=1')
  assert not [*tmp_path.iterdir()]
  assert len(measured(tmp_path, '--rounds=1')['rounds']) == 1


@pytest.fixture
def at(monkeypatch):
  """Sets the revision and the machine that a call finds."""
  known = environments.implementations()['ours']
  monkeypatch.setattr(environments, 'make', lambda *_: None)
  monkeypatch.setattr(environments, 'packages_of', lambda *_: {'jax': '1'})
  answer = lambda _, __, names, *___, **____: ((n, {'y': 0.0}, 1.0) for n in names)
  monkeypatch.setattr(run, 'answers', answer)

  def call(revision, device, results, *probes):
    monkeypatch.setattr(provenance, 'git_revision', lambda: revision)
    monkeypatch.setattr(provenance, 'device', lambda _: device)
    run.one_implementation(known, [*probes], results, results, mock.Mock())

  return call


def test_a_result_keeps_its_revision_and_its_machine(tmp_path, at):
  """The file had those of the last call alone, whatever was measured before."""
  at('first', 'slow', tmp_path, 'defaults')
  at('second', 'quick', tmp_path, 'carry', 'masks')
  page = json.loads((tmp_path / 'ours.json').read_text())
  of = lambda revision, device: {'git_revision': revision, 'device': device}
  last = of('second', 'quick')
  assert page['origins'] == {
    'defaults': of('first', 'slow'), 'carry': last, 'masks': last
  }  # fmt: skip
  assert [*page['probes']] == ['defaults', 'carry', 'masks']
  assert conformance.origins([page]) == [
    'git_revision: first, second',
    'device: quick, slow',
  ]


def test_results_of_older_files_have_the_origin_of_their_file(tmp_path, at):
  old = {'packages': {'jax': '1'}, 'git_revision': 'old', 'device': 'slow'}
  (tmp_path / 'ours.json').write_text(json.dumps(old | {'probes': {'masks': {}}}))
  at('new', 'slow', tmp_path, 'carry')
  page = json.loads((tmp_path / 'ours.json').read_text())
  assert page['origins']['masks']['git_revision'] == 'old' != page['git_revision']


def test_rounds_keep_their_revisions(tmp_path, monkeypatch):
  monkeypatch.setattr(provenance, 'git_revision', lambda: 'first')
  assert measured(tmp_path, '--rounds=1')['revisions'] == ['first']
  monkeypatch.setattr(provenance, 'git_revision', lambda: 'second')
  assert measured(tmp_path, '--rounds=2')['revisions'] == ['first', 'second']


def test_what_another_has_trained_anew_is_carried_over_again(tmp_path, monkeypatch):
  """And nothing else; pages that do not say what they were given keep it."""
  known = environments.implementations()
  chosen = [known['ours'], known['torch_layer']]
  carried = mock.Mock(
    side_effect=lambda *_, **__: iter([(run.CARRIED, CARRIED_OVER, 0.0)])
  )
  monkeypatch.setattr(run, 'answers', carried)
  monkeypatch.setattr(environments, 'make', lambda *_: None)
  write = lambda name, mean, **more: (tmp_path / f'{name}.json').write_text(
    json.dumps({'probes': {'carry': {'mean': [mean]}}} | more)
  )
  calls = lambda: (run.carry_over(chosen, tmp_path, tmp_path), carried.call_count)[1]
  write('ours', 0.0)
  write('torch_layer', 1.0)
  assert calls() == 2 and calls() == 2
  write('torch_layer', 2.0)
  assert calls() == 4 and calls() == 4
  write('torch_layer', 2.0, carried=CARRIED_OVER)
  assert calls() == 4


def test_calls_with_other_results_give_each_their_own_networks(tmp_path, monkeypatch):
  """They share the cache, and a file in it was that of whichever wrote last."""
  given = []

  def answer(*_, CONFORMANCE_OTHERS):
    given.append(Path(CONFORMANCE_OTHERS))
    assert json.loads(given[-1].read_text()) == {'ours': {'mean': [0.0]}}
    return iter([(run.CARRIED, {'ours': {}}, 0.0)])

  monkeypatch.setattr(run, 'answers', answer)
  monkeypatch.setattr(environments, 'make', lambda *_: None)
  known = environments.implementations()
  for name in ('first', 'second'):
    (tmp_path / name).mkdir()
    page = {'probes': {'carry': {'mean': [0.0]}}}
    (tmp_path / name / 'ours.json').write_text(json.dumps(page))
    run.carry_over([known['ours']], tmp_path, tmp_path / name)
  assert given[0] != given[1] and not any(path.exists() for path in given)


# In place of a Python: answers each probe with its name, 'late' once `go` is there.
FAKE = """#!/bin/sh
output=$4; shift 4
for probe; do
  while [ $probe = late ] && [ ! -e "${0%/*}/go" ]; do sleep 0.01; done
  printf '{"probe": "%s", "result": "%s", "seconds": 0}\\n' $probe $probe >> "$output"
done
"""


def test_two_calls_at_a_time_do_not_take_each_others_answers(tmp_path):
  """Nor those of a process that outlived its call; nothing is left behind."""
  one, python = environments.implementations()['ours'], tmp_path / 'python'
  python.write_text(FAKE)
  python.chmod(0o755)
  said = lambda given: [(name, result) for name, result, _ in given]
  first = run.answers(one, python, ['early', 'late'], tmp_path)
  assert said([next(first)]) == [('early', 'early')]
  second = run.answers(one, python, ['a', 'b'], tmp_path)
  assert said(second) == [('a', 'a'), ('b', 'b')]
  (tmp_path / 'go').touch()
  assert said(first) == [('late', 'late')]
  assert {path.name for path in tmp_path.iterdir()} == {'python', 'go'}
