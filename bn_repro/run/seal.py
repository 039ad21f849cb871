"""What a checkpoint holds, and the digests that seal it. Knows no file."""

import hashlib
import json
from typing import Any, NamedTuple

import numpy as np
from flax import traverse_util

NOTES = 'notes'  # their digest stands among those of the arrays, which hold no such


class Checkpoint(NamedTuple):
  """What was saved at a step: a nested dict of NumPy arrays, and notes of JSON."""

  step: int
  arrays: dict[str, Any]
  notes: dict[str, Any]


def digests(checkpoint: Checkpoint) -> dict[str, str]:
  """The SHA-256 of every array, with its type and shape, and of step and notes."""
  flat = traverse_util.flatten_dict(checkpoint.arrays, sep='/')
  found = {name: _digest(np.asarray(array)) for name, array in flat.items()}
  text = json.dumps([checkpoint.step, checkpoint.notes], sort_keys=True)
  return found | {NOTES: hashlib.sha256(text.encode()).hexdigest()}


def _digest(array: np.ndarray) -> str:
  kind = f'{array.dtype.str} {array.shape} '
  return hashlib.sha256(kind.encode() + array.tobytes()).hexdigest()
