"""What rounding does to the variance, by mean, by dtype and by size."""

import numpy as np

from conformance import reference
from conformance.probes import attempt, normal

EPSILON = 1e-5
RATIOS = [10 ** (k / 4) for k in range(0, 25)]  # of mean to deviation, 1 to 1e6
SIZES = {'dense': (60, 8), 'conv': (32, 28, 28, 8)}
TOLERANCE = 0.01


def mean_over_deviation(layer_of):
  """The largest ratio up to which float32 keeps the variance to 1 %."""
  return {
    mode: {
      name: attempt(
        lambda mode=mode, shape=shape: _largest_ratio(layer_of, mode, shape)
      )
      for name, shape in SIZES.items()
    }
    for mode in layer_of.MODES
  }


def _largest_ratio(layer_of, mode, shape):
  layer = layer_of(shape, epsilon=EPSILON, mode=mode)
  standard = normal(shape, 1)
  good, errors = 0.0, []
  for ratio in RATIOS:
    x = (standard + ratio).astype(np.float32).astype(np.float64)
    errors.append(_error_of_variance(x, layer.forward(x)))
    if all(error <= TOLERANCE for error in errors):
      good = ratio
  return {'ratio': good, 'errors': errors}


def _error_of_variance(x, y):
  """The largest over features, from the slope of y on x."""
  rows, y = x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1])
  mean, var = reference.moments(x)
  centred = rows - mean
  slope = (centred * (y - y.mean(0))).sum(0) / (centred**2).sum(0)
  with np.errstate(divide='ignore', invalid='ignore'):
    errors = np.abs((1 / slope**2 - EPSILON) / var - 1)
  return float(np.where(np.isfinite(errors), errors, np.inf).max())


def constant_features(layer_of):
  """Features whose values are all the same: their output should be 0."""
  constants = np.geomspace(0.1, 1e4, 200).astype(np.float32).astype(np.float64)
  x = np.tile(constants, (60, 1))
  answers = {}
  for mode in layer_of.MODES:

    def shares(mode=mode):
      y = np.abs(layer_of(x.shape, mode=mode).forward(x)).max(0)
      off = y[np.isfinite(y)]
      return {
        'nan': float((~np.isfinite(y)).mean()),
        'off': float((off > 0.01).sum() / len(y)),
        'largest': float(off.max()) if len(off) else None,
      }

    answers[mode] = attempt(shares)
  return answers


def half_precision(layer_of):
  """Moments and dtypes for inputs of 16 bits: mean 10 or 0, deviation 1."""
  return {
    dtype: attempt(lambda dtype=dtype: _half(layer_of, dtype))
    for dtype in layer_of.DTYPES
    if dtype != 'float32'
  }


def _half(layer_of, dtype):
  shape, errors = (32, 28, 28, 4), {}
  for mean in (0, 10):
    x = rounded(normal(shape, 1, mean), dtype)
    layer = layer_of(shape, dtype=dtype, decay=0.5)
    layer.assign(mean=np.zeros(4), var=np.zeros(4))
    layer.forward(x)
    attempt(lambda layer=layer: layer.backward(np.ones(shape)))
    stored, (true_mean, true_var) = layer.read(), reference.moments(x)
    errors[f'var_{mean}'] = reference.error(stored['var'] / 0.5, true_var)
    errors[f'mean_{mean}'] = reference.error(stored['mean'] / 0.5, true_mean)
  # Statistics that 16 bits do not hold: does inference take them as they are stored?
  layer = layer_of((4, 4), dtype=dtype, epsilon=1e-3)
  layer.assign(mean=np.full(4, 1000.3), var=np.ones(4))
  y = layer.infer(rounded(np.full((4, 4), 1000.0), dtype))
  return {'dtypes': layer_dtypes(layer_of, dtype), 'inferred': y[0, 0], **errors}


def layer_dtypes(layer_of, dtype):
  layer = layer_of((4, 3), dtype=dtype)
  layer.forward(normal((4, 3)))
  return layer.dtypes


def rounded(x, dtype):
  """Values that the dtype holds exactly, as float64."""
  x = np.asarray(x, np.float32)
  if dtype == 'bfloat16':
    bits = x.view(np.uint32)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return bits.view(np.float32).astype(np.float64)
  return x.astype(dtype).astype(np.float64)


def overflow(layer_of):
  """The largest deviation, in powers of ten, at which y is right to 5 %."""
  exponents = {'float32': 37, 'bfloat16': 37, 'float16': 4}
  return {
    dtype: attempt(lambda d=dtype: _largest_deviation(layer_of, d, exponents[d]))
    for dtype in layer_of.DTYPES
  }


def _largest_deviation(layer_of, dtype, largest):
  standard, good = normal((64, 4), 1), None
  for exponent in range(0, largest + 1):
    x = rounded(standard * 10.0**exponent, dtype)
    truth = reference.forward(x, 1.0, 0.0, 1e-5)
    # A new layer: one that normalizes with a moving average would show the others.
    layer = layer_of(x.shape, dtype=dtype)
    error = reference.error(layer.forward(x), truth)
    if not error <= 0.05:
      break
    good = exponent
  return {'exponent': good, 'tried': largest}
