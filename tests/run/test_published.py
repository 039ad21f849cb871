"""Weights and their card: what was written is read, and nothing else."""

import json

import numpy as np
import pytest

from bn_repro.run import published
from bn_repro.run.errors import UserError

pytest.importorskip('safetensors', reason='an older environment lacks safetensors')

CARD = {'network': 'made', 'step': 3}
VARIABLES = {
  'params': {
    'straight': {'kernel': np.arange(6, dtype=np.float32).reshape(2, 3)},
    # As a convolution's kernel leaves PyTorch: another order in memory.
    'turned': {'kernel': np.arange(24, dtype=np.float32).reshape(2, 3, 4).T},
    'strided': {'bias': np.arange(8, dtype=np.float32)[::2]},
  },
  'batch_stats': {},
}


@pytest.fixture
def weights(tmp_path):
  path = tmp_path / 'made.safetensors'
  published.write(path, published.packed(VARIABLES), CARD)
  return path


def test_arrays_come_back_in_their_order(weights):
  """Also those that lie in another order in memory, or with gaps."""
  card = published.card_of(weights)
  assert CARD.items() <= card.items()
  layers = published.read(weights, card['weights_sha256'])['params']
  assert layers.keys() == VARIABLES['params'].keys()
  for layer, arrays in VARIABLES['params'].items():
    for name, array in arrays.items():
      np.testing.assert_array_equal(layers[layer][name], array)


def test_the_same_variables_are_the_same_bytes():
  copies = {
    layer: {name: array.copy() for name, array in arrays.items()}
    for layer, arrays in reversed(VARIABLES['params'].items())
  }
  assert published.packed({'params': copies}) == published.packed(VARIABLES)


def change(path, **content):
  path.write_text(json.dumps(json.loads(path.read_text()) | content))


def test_what_was_changed_is_refused(weights):
  """A bit of the weights, a word of the card, another version of it, no card."""
  card, whole = weights.with_suffix('.json'), weights.read_bytes()
  digest = published.card_of(weights)['weights_sha256']
  weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
  with pytest.raises(UserError, match='does not hold the weights of SHA-256'):
    published.read(weights, digest)
  change(card, step=4)
  with pytest.raises(UserError, match=r'card of made.* is not as it was written'):
    published.card_of(weights)
  change(card, version=2)
  with pytest.raises(UserError, match='card of version 2, and this code reads'):
    published.card_of(weights)
  card.unlink()
  with pytest.raises(UserError, match=r'card of made.safetensors, is missing; put'):
    published.card_of(weights)


def test_a_model_is_named_or_a_path(weights, monkeypatch):
  assert published.find(str(weights), '--model') == weights
  monkeypatch.setattr(published, 'FOLDER', weights.parent)
  assert published.find('made', '--model') == weights
  with pytest.raises(UserError, match=r"--model='nix' is no .* there are made; choose"):
    published.find('nix', '--model')
  with pytest.raises(UserError, match='is no file that is there'):
    published.find('elsewhere.safetensors', '--model')


def test_an_installed_package_has_no_models(monkeypatch):
  monkeypatch.setattr(published.config_files, 'IS_CHECKOUT', False)
  with pytest.raises(UserError, match=r'only a checkout .* give the path of a file'):
    published.find('bn_x30', '--model')
