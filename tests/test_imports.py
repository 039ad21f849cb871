"""What must answer at once imports no JAX, which takes seconds; no test is hidden."""

import re
import subprocess
import sys

from support import PROJECT

PROMISES = ('Imports no JAX', 'Imports nothing heavy')
WITHOUT_JAX = """
import importlib, sys
sys.modules['jax'] = None  # so that to import it fails
for name in sys.argv[1:]:
  importlib.import_module(name)
"""


def test_modules_that_promise_to_import_no_jax_import_none():
  promising = [
    '.'.join(path.relative_to(PROJECT).with_suffix('').parts)
    for path in sorted((PROJECT / 'bn_repro').rglob('*.py'))
    if any(promise in path.read_text() for promise in PROMISES)
  ]
  assert {'bn_repro.training.command', 'bn_repro.evaluate.command'} <= {*promising}
  command = [sys.executable, '-c', WITHOUT_JAX, *promising, 'bn_repro.training.sweep']
  result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
  assert result.returncode == 0, result.stderr


def test_no_script_hides_a_folder_of_tests():
  """Tests of scripts put them on the path; Python prefers a file to a bare folder."""
  tests = PROJECT / 'tests'
  texts = '\n'.join(path.read_text() for path in tests.rglob('*.py'))
  imported = {*re.findall(r'^ *(?:from|import) (\w+)', texts, re.MULTILINE)}
  scripts = {path.stem for path in (PROJECT / 'scripts').rglob('*.py')}
  hidden = [tests / name for name in imported & scripts if (tests / name).is_dir()]
  assert {path.name for path in hidden} >= {'reliability', 'run'}
  bare = [path.name for path in hidden if not (path / '__init__.py').exists()]
  assert not bare, f'add an __init__.py, which goes first, to {bare}'
