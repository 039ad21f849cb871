"""Algorithm 2, line 7: the network whose population statistics are measured."""

from models.traced import build

from bn_repro.training.population import frozen


def test_it_has_neither_dropout_nor_heads_nor_memory():
  """Its statistics are the mini-batch's alone."""
  model = build('bn_baseline', auxiliary_heads=True)
  network = frozen(model)
  assert (network.dropout, network.auxiliary_heads) == (None, False)
  assert network.batch_norm(name='x').decay == 0
  assert network.batch_norm(name='x').epsilon == model.batch_norm(name='x').epsilon


def test_a_network_without_batch_normalization_has_none():
  assert frozen(build('inception')) is None
