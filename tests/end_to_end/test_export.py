"""`python -m bn_repro.export`, and a program that serves without this package."""

import subprocess
import sys

import numpy as np
import pytest

from bn_repro.data import sources
from bn_repro.evaluate.asked import MOVING_AVERAGE, Asked
from bn_repro.evaluate.evaluation import answered
from bn_repro.evaluate.network import restore
from evaluate.saved import save_run
from support import PROJECT, clean_environment, small_config

SERVE = """
import sys
import numpy as np
from jax import export

network = export.deserialize(bytearray(open('network', 'rb').read()))
np.save('answers', network.call(np.load('images.npy')))
assert not any('bn_repro' in name or 'flax' in name for name in sys.modules)
"""


def start(*words, directory=PROJECT):
  return subprocess.run(
    [sys.executable, *map(str, words)],
    cwd=directory, capture_output=True, text=True, timeout=300, env=clean_environment(),
  )  # fmt: skip


@pytest.mark.slow
def test_a_program_without_this_package_answers_the_same(tmp_path):
  workdir = save_run(small_config('batch_norm'), tmp_path / 'run')
  network = tmp_path / 'network'
  result = start(
    '-m', 'bn_repro.export', f'--workdir={workdir}', f'--output={network}',
    '--statistics=moving_average',
  )  # fmt: skip
  assert result.returncode == 0, result.stderr
  assert str(network) in result.stdout
  images = sources.load('digits').test.images[:20]
  np.save(tmp_path / 'images', images)
  served = start('-c', SERVE, directory=tmp_path)
  assert served.returncode == 0, served.stderr
  asked = Asked(statistics=MOVING_AVERAGE, examples=20)
  expected = answered(restore(workdir), asked).read()['probabilities']
  np.testing.assert_allclose(
    np.load(tmp_path / 'answers.npy'), expected, rtol=1e-4, atol=1e-6
  )


def test_help_is_answered():
  result = start('-m', 'bn_repro.export', '--help')
  assert result.returncode == 0 and 'export.deserialize' in result.stdout


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
  result = start('-m', 'bn_repro.export', *words)
  assert result.returncode == 2 and result.stdout == ''
  (line,) = result.stderr.splitlines()
  assert line.startswith('error: ') and expected in line
