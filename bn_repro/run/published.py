"""Published models: weights as safetensors, and beside them a card of JSON.

The card says what the network is, what it was trained on and with, and its accuracy.
The only file that knows safetensors. Imports no JAX.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from bn_repro.run import config_files, damage, places
from bn_repro.run.errors import UserError, shown
from bn_repro.run.files import read_json, read_sealed, replaced, write_sealed

ENDING = '.safetensors'
# Of the card; another number is refused.
VERSION = 1
# In a checkout; an installed package has none.
FOLDER = config_files.PROJECT / 'results' / 'models'


def names() -> list[str]:
  """The published models of this checkout."""
  if not config_files.IS_CHECKOUT:
    return []
  return sorted(path.stem for path in FOLDER.glob(f'*{ENDING}'))


def find(text: str, flag: str) -> Path:
  """The weights that a flag names: a published model, or the path of such a file."""
  if text.endswith(ENDING):
    return places.existing_file(text, flag)
  if not (known := names()):
    raise UserError(
      f'{flag}={shown(text)}: only a checkout of the bn_repro repository has published '
      f'models, and here is none; give the path of a file NAME{ENDING}, with its card '
      'beside it'
    )
  if text not in known:
    raise UserError(
      f'{flag}={shown(text)} is no published model; there are {", ".join(known)}; '
      f'choose one, or give the path of a file NAME{ENDING}'
    )
  return FOLDER / f'{text}{ENDING}'


def card_of(weights: Path) -> dict[str, Any]:
  """The card of some weights, as `write` was given it, with their SHA-256."""
  path, problem = weights.with_suffix('.json'), None
  try:
    version = read_json(path).get('version')
    if version == VERSION:
      return read_sealed(path)
  except FileNotFoundError:
    problem = 'is missing'
  except (ValueError, RecursionError):
    problem = 'is not as it was written'
  if problem:
    raise UserError(
      f'{path}, the card of {weights.name}, {problem}; put back both files as they '
      'were published'
    )
  raise UserError(
    f'{path} is a card of version {shown(version)}, and this code reads version '
    f'{VERSION}; use the code that wrote it'
  )


def check_output(weights: Path, flag: str) -> None:
  """Raises UserError if what lies where the card would be written is no card."""
  path = weights.with_suffix('.json')
  if damage.is_missing(path):
    return
  try:
    is_card = 'weights_sha256' in read_json(path)
  except (ValueError, RecursionError, FileNotFoundError):  # the last of a link
    is_card = False
  if not is_card:
    raise UserError(
      f'{flag}={shown(str(weights))}: its card would take the place of {path}, which '
      'is none; give another name'
    )


def read(weights: Path, digest: str) -> dict[str, Any]:
  """Arrays of a network by collection, layer, name; UserError for another `digest`."""
  import safetensors.numpy
  from flax import traverse_util

  try:
    data = weights.read_bytes()
  except OSError as error:
    raise damage.could_not_be_read(weights, error) from error
  if hashlib.sha256(data).hexdigest() != digest:
    raise UserError(
      f'{weights} does not hold the weights of SHA-256 {digest[:10]}...; put back both '
      'files as they were published'
    )
  return traverse_util.unflatten_dict(safetensors.numpy.load(data), sep='/')


def packed(variables: dict[str, Any]) -> bytes:
  """The content of a file of weights; the same bytes for the same variables."""
  import safetensors.numpy
  from flax import traverse_util

  arrays = traverse_util.flatten_dict(variables, sep='/')
  # In safetensors 0.8.0 a transposed array is written in the wrong order, without an
  # error (its issue 825).
  in_order = {name: np.asarray(array, order='C') for name, array in arrays.items()}
  return safetensors.numpy.save(in_order)


def write(weights: Path, data: bytes, card: dict[str, Any]) -> None:
  """Writes weights of `packed` and then their card."""
  with replaced(weights) as file:
    file.write(data)
  digest = hashlib.sha256(data).hexdigest()
  content = {'version': VERSION, **card, 'weights_sha256': digest}
  write_sealed(weights.with_suffix('.json'), content)
