"""An exported network gives the same numbers, for any number of images."""

import numpy as np
import pytest
from fake_experiment import only_rows, small
from jax import export as jax_export

from bn_repro.data import sources
from bn_repro.evaluate import serving
from bn_repro.evaluate.evaluation import predict
from bn_repro.evaluate.network import restore
from bn_repro.evaluate.request import MOVING_AVERAGE, Request
from evaluate.saved import save_run
from support import small_config


def exported(config, directory):
  """A run, and its network read back from the file."""
  workdir, output = save_run(config, directory / 'run'), directory / 'network'
  serving.export(workdir, MOVING_AVERAGE, output)
  return workdir, jax_export.deserialize(bytearray(output.read_bytes()))


@pytest.mark.slow
@pytest.mark.parametrize('network', ['batch_norm', 'baseline'])
def test_it_answers_as_evaluation_does(tmp_path, network, capsys):
  """On the 360 digits, from their bytes."""
  workdir, found = exported(small_config(network), tmp_path)
  rows = predict(restore(workdir), Request(statistics=MOVING_AVERAGE)).read()
  images = sources.load('digits').test.images
  for some in (images, images[:7]):
    np.testing.assert_allclose(
      found.call(some), rows['probabilities'][: len(some)], rtol=1e-4, atol=1e-6
    )
  assert 'differ by at most' in capsys.readouterr().out
  assert set(found.platforms) == {'cpu', 'cuda', 'rocm', 'tpu'}


@pytest.mark.slow
def test_an_inception_network(tmp_path, quick_compiler, monkeypatch):
  """With layers that normalize every activation; colours, and a batch of any size."""
  only_rows(monkeypatch, '3c', '5b')
  workdir, found = exported(small('ensemble:6,{}'), tmp_path)
  network = restore(workdir)
  images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
  variables = {'params': network.params, 'batch_stats': network.batch_stats}
  logits = network.model.apply(variables, images / np.float32(127.5) - 1, train=False)
  powers = np.exp(logits - np.max(logits, axis=1, keepdims=True))
  expected = powers / powers.sum(axis=1, keepdims=True)
  np.testing.assert_allclose(found.call(images), expected, rtol=1e-3, atol=1e-5)
  np.testing.assert_allclose(found.call(images[:1]), expected[:1], rtol=1e-3, atol=1e-5)
