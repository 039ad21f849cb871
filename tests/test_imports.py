"""What must answer at once imports no JAX, which takes seconds."""

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
