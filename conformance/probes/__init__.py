"""What each implementation is asked to do. NumPy alone, on Python 3.8.

A probe takes the class `Layer` of an adapter and returns a dict for JSON. It judges
nothing: bn_repro/paper/conformance_cells.py does. An error that the implementation
raises is its answer.
"""

import numpy as np

from conformance.adapters.base import NotOffered


def attempt(call):
  """What the call returns; of an error, its name and its first words."""
  try:
    return call()
  except NotOffered as error:
    return {'not_offered': str(error)}
  except Exception as error:
    text = ' '.join(str(error).split())
    return {'error': f'{type(error).__name__}: {text[:160]}'}


def normal(shape, seed=0, mean=0.0, deviation=1.0):
  """Reproducible values that float32 holds exactly, as float64."""
  values = np.random.default_rng(seed).normal(mean, deviation, shape)
  return values.astype(np.float32).astype(np.float64)


def plain(value):
  """A result as JSON has it: lists and numbers; NaN and infinities as words."""
  if isinstance(value, dict):
    return {str(key): plain(one) for key, one in value.items()}
  if isinstance(value, (list, tuple, np.ndarray)):
    return [plain(one) for one in value]
  if isinstance(value, (bool, np.bool_)):
    return bool(value)
  if isinstance(value, (int, np.integer)):
    return int(value)
  if isinstance(value, (float, np.floating)):
    return float(f'{value:.9g}') if np.isfinite(value) else str(float(value))
  return value
