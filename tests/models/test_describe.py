"""The table of --describe counts what the paper's network has."""

import pytest
from flax import linen as nn

from bn_repro.models import describe, networks
from bn_repro.models.layers import Convolution
from support import PROJECT


@pytest.mark.parametrize(
  'network, parameters', [('baseline', 99_710), ('batch_norm', 100_010)]
)
def test_totals_of_section_4_1(network, parameters):
  from bn_repro.run import config as config_lib

  config = config_lib.load(str(PROJECT / 'configs' / f'mnist.py:{network}'))
  rows = describe.rows_of(networks.build(config, 10), (28, 28))
  assert sum(row.parameters for row in rows) == parameters
  # 784 x 100 + 100 x 100 + 100 x 100 + 100 x 10
  assert sum(row.multiply_adds for row in rows) == 99_400
  assert [row.output for row in rows if row.kind == 'Dense'] == [(100,)] * 3 + [(10,)]


def test_multiply_adds_of_a_convolution_count_each_location():
  class Network(nn.Module):
    @nn.compact
    def __call__(self, x, *, train):
      return Convolution(16, kernel=3, stride=2)(x, train=train)

  (row,) = describe.rows_of(Network(), (32, 32, 3))
  assert row.output == (16, 16, 16)
  assert row.multiply_adds == 3 * 3 * 3 * 16 * 16 * 16


def test_no_data_is_read(config, monkeypatch, tmp_path):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  config.dataset.name = 'mnist'
  text = describe.describe(config)
  assert text.splitlines()[0].endswith('on mnist, input 28x28')
  assert '100,010' in text.splitlines()[-1]
