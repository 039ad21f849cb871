"""The committed numbers can be made again."""

import pytest

from bn_repro.data import sources
from bn_repro.report import collect
from bn_repro.run.errors import UserError
from support import PROJECT, as_flags, metrics_of, program

STEPS = (0, 100, 200, 300)


@pytest.fixture
def mnist():
  try:
    sources.find_prepared('mnist')
  except UserError:
    pytest.skip('MNIST is not prepared on this machine')


@pytest.mark.slow
@pytest.mark.parametrize('network', ['batch_norm', 'baseline'])
def test_the_first_steps_of_figure_1(mnist, tmp_path, network):
  """Seed 0 of results/mnist again; machines differ in rounding only."""
  few = as_flags({'train_for': f'{STEPS[-1]} steps', 'seed': 0})
  result = program(
    f'--config=configs/mnist.py:{network}', f'--workdir={tmp_path}', *few
  )
  assert result.returncode == 0, result.stderr
  committed = {
    run.name: run for run in collect.load(PROJECT / 'results' / 'mnist', 'figure1')
  }[f'{network}_seed0']
  for line in metrics_of(tmp_path):
    expected = committed.accuracy_at(line['step'])
    assert line['test/accuracy'] == pytest.approx(expected, abs=0.01)
