"""Moments over devices: equal and unequal parts, masks, groups, collectives."""

import numpy as np

from conformance import reference
from conformance.probes import attempt, normal

EPSILON = 1e-3
FEATURES = 6


def over_devices(layer_of):
  """A training call on several devices against one on all examples together."""
  dys = [normal((8, FEATURES), 50 + i) for i in range(4)]
  # Each device's examples lie elsewhere, so that a mean of variances is no variance.
  parts = [normal((8, FEATURES), 60 + i, i, 1 + i / 2) for i in range(4)]
  two = parts[0], parts[1][:4]
  step = lambda *arguments, **options: layer_of.over_devices(
    *arguments, epsilon=EPSILON, decay=0.5, **options
  )

  def equal():
    got = step(parts, dys)
    return dict(_errors(got, parts, dys), collectives=got.get('collectives'))

  def unequal():
    return _errors(step(two, [dys[0], dys[1][:4]]), two, [dys[0], dys[1][:4]])

  def grouped():
    got = step(parts, dys, groups=((0, 1), (2, 3)))
    halves = [_half(got, group, parts, dys) for group in ((0, 1), (2, 3))]
    return {name: max(half[name] for half in halves) for name in halves[0]}

  kept = [8, 6, 3, 1]
  return {
    'equal': attempt(equal), 'unequal': attempt(unequal), 'groups': attempt(grouped),
    'mask': attempt(lambda: _masked(step, parts, dys, kept)),
    'empty_mask': attempt(lambda: _masked(step, parts, dys, [8, 6, 3, 0])),
  }  # fmt: skip


def _half(got, group, parts, dys):
  chosen = {
    name: [values[i] for i in group]
    for name, values in got.items()
    if name != 'collectives'
  }
  return _errors(chosen, [parts[i] for i in group], [dys[i] for i in group])


def _masked(step, parts, dys, kept):
  masks = [np.arange(8) < number for number in kept]
  got = step(parts, dys, masks=masks)
  cut = lambda arrays: [array[:number] for array, number in zip(arrays, kept)]
  # What is masked has no part in the loss either.
  return _errors(dict(got, y=cut(got['y'])), cut(parts), None)


def _errors(got, parts, dys):
  """Of y, dx, the gradient of gamma as the sum over devices, and of the variance."""
  x = np.concatenate(list(parts))
  truth = reference.forward(x, 1.0, 0.0, EPSILON)
  mean, var = reference.moments(x)
  m = len(x)
  biased, unbiased = (0.5 + 0.5 * v for v in (var, reference.unbiased(var, m)))
  stored = np.asarray(got['var'])
  errors = {
    'y': reference.error(np.concatenate(list(got['y'])), truth),
    'mean': max(reference.error(one, 0.5 * mean) for one in np.asarray(got['mean'])),
    'var': min(
      max(reference.error(one, true) for one in stored) for true in (biased, unbiased)
    ),
  }
  if dys is not None:
    dx, gamma, _ = reference.backward(x, np.concatenate(list(dys)), 1.0, EPSILON)
    errors['dx'] = reference.error(np.concatenate(list(got['dx'])), dx)
    summed = np.asarray(got['gamma']).sum(0)
    errors['dgamma_summed'] = reference.error(summed, gamma)
  return errors
