"""`python -m bn_repro.export`, and a program that serves without this package."""

import subprocess
import sys

import numpy as np
import pytest

import forked
from bn_repro.data import sources
from bn_repro.evaluate import serving
from bn_repro.evaluate.evaluation import predict
from bn_repro.evaluate.network import restore
from bn_repro.evaluate.request import MOVING_AVERAGE, Request
from evaluate.saved import card_in, save_run
from support import small_config

# The lines of --help, where there is nothing but what it names and what that requires.
SERVE = """
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder

REQUIRED = {'jax', 'jaxlib', 'numpy', 'flatbuffers', 'ml_dtypes', 'opt_einsum', 'scipy'}

class Bare(PathFinder):
  @classmethod
  def find_spec(cls, name, path=None, target=None):
    top = name.partition('.')[0]
    if top in REQUIRED | sys.stdlib_module_names or top.startswith('_sysconfig'):
      return super().find_spec(name, path, target)

sys.meta_path[:] = [BuiltinImporter, FrozenImporter, Bare]
import numpy as np
from jax import export

network = export.deserialize(open('network', 'rb').read())
probabilities = network.call(np.load('images.npy'))
np.save('answers', probabilities)

import json, zipfile
model = json.loads(zipfile.ZipFile('network').read('model.json'))
print(model['classes'][probabilities.argmax(1)[0]])
"""


def export(*words):
  return forked.run(['-m', 'bn_repro.export', *words])


@pytest.mark.slow
def test_a_program_without_this_package_answers_the_same(tmp_path):
  workdir = save_run(small_config('batch_norm'), tmp_path / 'run')
  network = tmp_path / 'network'
  result = export(
    f'--workdir={workdir}', f'--output={network}', '--statistics=moving_average'
  )
  assert result.returncode == 0, result.stderr
  assert str(network) in result.stdout
  images = sources.load('digits').test.images[:20]
  np.save(tmp_path / 'images', images)
  served = forked.start_apart(['-c', SERVE], tmp_path)
  printed, errors = served.communicate(timeout=300)
  assert served.returncode == 0, errors
  first = int(np.load(tmp_path / 'answers.npy')[0].argmax())
  assert printed.split() == [str(first)]  # digits are called by their numbers
  request = Request(statistics=MOVING_AVERAGE, examples=20)
  expected = predict(restore(workdir), request).read()['probabilities']
  np.testing.assert_allclose(
    np.load(tmp_path / 'answers.npy'), expected, rtol=1e-4, atol=1e-6
  )


@pytest.mark.slow
@pytest.mark.reliability
def test_the_oldest_jax_that_the_file_names_reads_it(tmp_path):
  """In an environment of exactly what --help names; skips without a package index."""
  workdir = save_run(small_config('batch_norm'), tmp_path / 'run')
  serving.export(workdir, MOVING_AVERAGE, tmp_path / 'network')
  oldest = card_in(tmp_path / 'network')['oldest_jax']
  python = tmp_path / 'bare' / 'bin' / 'python'
  subprocess.run([sys.executable, '-m', 'venv', tmp_path / 'bare'], check=True)
  wanted = (f'jax=={oldest}', 'numpy', 'flatbuffers')
  command = [python, '-m', 'pip', 'install', '--quiet', *wanted]
  if subprocess.run(command, timeout=900).returncode:
    pytest.skip(f'cannot install {" ".join(wanted)}')
  images = sources.load('digits').test.images[:20]
  np.save(tmp_path / 'images', images)
  subprocess.run([python, '-c', SERVE], cwd=tmp_path, check=True, timeout=300)
  request = Request(statistics=MOVING_AVERAGE, examples=20)
  expected = predict(restore(workdir), request).read()['probabilities']
  found = np.load(tmp_path / 'answers.npy')
  np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_help_is_answered():
  result = export('--help')
  assert result.returncode == 0 and 'export.deserialize' in result.stdout
  assert 'pip install jax numpy flatbuffers' in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
  'words, expected',
  [
    (['--workdir=a'], '--output'),
    (['--workdir=nowhere', '--output=x'], 'holds no run'),
    (['--workdir=a', '--output=nowhere/x'], 'there is no directory nowhere'),
    (['--workdir=a', '--output=x', '--statistics=none'], "invalid choice: 'none'"),
    (['--workdir=a', '--crops=1'], "'--crops' is not a flag"),
  ],
)
def test_a_mistake_is_one_line_and_code_2(words, expected):
  result = export(*words)
  assert result.returncode == 2 and result.stdout == ''
  (line,) = result.stderr.splitlines()
  assert line.startswith('error: ') and expected in line
