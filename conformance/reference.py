"""Algorithm 1 and its gradients in float64 (section 3 of the paper), in NumPy."""

import numpy as np


def moments(x):
  """Mean and biased variance of each feature, over batch and places."""
  rows = np.asarray(x, np.float64).reshape(-1, x.shape[-1])
  return rows.mean(0), rows.var(0)


def unbiased(var, m):
  """Var[x] of algorithm 2, line 10."""
  return var * m / (m - 1)


def forward(x, gamma, beta, epsilon):
  """y = gamma * (x - mean) / sqrt(var + epsilon) + beta."""
  mean, var = moments(x)
  return infer(x, gamma, beta, mean, var, epsilon)


def infer(x, gamma, beta, mean, var, epsilon):
  """y with given statistics."""
  scale = gamma / np.sqrt(var + epsilon)
  return (np.asarray(x, np.float64) - mean) * scale + beta


def backward(x, dy, gamma, epsilon):
  """The gradients by x, gamma and beta, in the paper's six lines."""
  mean, var = moments(x)
  centred = np.asarray(x, np.float64).reshape(-1, x.shape[-1]) - mean
  dy = np.asarray(dy, np.float64).reshape(centred.shape)
  m, deviation = len(centred), np.sqrt(var + epsilon)
  by_normalized = dy * gamma
  by_var = (by_normalized * centred).sum(0) * -0.5 / deviation**3
  by_mean = -by_normalized.sum(0) / deviation - by_var * 2 * centred.sum(0) / m
  by_x = by_normalized / deviation + by_var * 2 * centred / m + by_mean / m
  by_gamma, by_beta = (dy * centred / deviation).sum(0), dy.sum(0)
  return by_x.reshape(x.shape), by_gamma, by_beta


def error(value, truth):
  """The largest difference, relative to the largest value of the truth."""
  value, truth = np.asarray(value, np.float64), np.asarray(truth, np.float64)
  if value.shape != truth.shape:
    return float('nan')
  return float(np.abs(value - truth).max() / np.abs(truth).max())
