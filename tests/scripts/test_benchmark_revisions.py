"""scripts/benchmarks/revisions.py runs each revision's own code, and cleans up."""

import subprocess
import sys
from argparse import Namespace

import pytest

from support import PROJECT

sys.path.append(str(PROJECT / 'scripts' / 'benchmarks'))

import revisions

from bn_repro.run.errors import UserError

# Takes the place of a run: as fast as its revision says, from its own flags.
PROGRAM = """
import json, pathlib, sys
if '--help' in sys.argv:
  sys.exit(print('  train_for  1\\n  seed  0' + EXTRA))
flags = dict(word.split('=', 1) for word in sys.argv[1:])
folder = pathlib.Path(flags['--workdir'])
folder.mkdir()
assert '--config.population_batches' not in flags  # a field that one lacks
lines = [{'step': 0}] + [
  {'step': step, 'steps_per_second': SPEED * (step > 10) or 1} for step in (10, 20, 30)
]
text = ''.join(json.dumps(line) + '\\n' for line in lines)
(folder / 'metrics.jsonl').write_text(text)
(folder / 'summary.json').write_text('{}')
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
  """Two commits, of which the later one is twice as fast."""
  package = tmp_path / 'repository' / 'bn_repro'
  package.mkdir(parents=True)
  (package / '__init__.py').touch()
  git = ['git', '-c', 'user.name=a', '-c', 'user.email=a@b', '-C', package.parent]
  subprocess.run([*git, 'init', '-q'], check=True)
  for speed, extra in ((100, ''), (200, '\n  population_batches  1')):
    code = f'SPEED, EXTRA = {speed}, {extra!r}\n{PROGRAM}'
    (package / '__main__.py').write_text(code)
    subprocess.run([*git, 'add', '-A'], check=True)
    subprocess.run([*git, 'commit', '-qm', 'speed'], check=True)
  monkeypatch.setattr(revisions, 'PROJECT', package.parent)
  return package.parent


def worktrees(repository):
  command = ['git', '-C', repository, 'worktree', 'list']
  return subprocess.check_output(command, text=True).splitlines()


def test_each_revision_runs_its_own_code(repository):
  options = Namespace(revision='HEAD~1', cases=['step'], cores=1, quick=True, rounds=2)
  content = revisions.measure(options)
  (row,) = revisions.table(content)
  assert (row['this code'], row['before']) == pytest.approx((5, 10))
  assert row['ratio'] == pytest.approx(2)
  assert 'population_batches' in content['left_out']
  assert len(worktrees(repository)) == 1


def test_the_worktree_goes_when_it_is_interrupted(repository):
  with pytest.raises(KeyboardInterrupt), revisions.checked_out('HEAD~1') as tree:
    assert (tree / 'bn_repro').exists() and len(worktrees(repository)) == 2
    raise KeyboardInterrupt
  assert len(worktrees(repository)) == 1


@pytest.mark.usefixtures('repository')
def test_a_revision_that_is_not_there():
  with pytest.raises(UserError, match='nowhere'), revisions.checked_out('nowhere'):
    pass


def test_a_second_run_differs_in_hyperparameters_alone(monkeypatch):
  every = {*revisions.CASES['second'][1], *revisions.CASES['second'][3]}
  monkeypatch.setattr(revisions, 'fields', lambda tree, config: every)
  trial, second, missing = revisions.flags_of('second', False, [PROJECT])
  changed = {flag.partition('=')[0] for flag in {*second} - {*trial}}
  assert changed == {f'--config.{name}' for name in revisions.CASES['second'][3]}
  assert not missing
