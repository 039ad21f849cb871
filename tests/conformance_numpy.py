"""A batch normalization in NumPy that is the paper's, and ones with a mistake each."""

import numpy as np

from conformance import reference
from conformance.adapters.base import Layer, NotOffered


class Right(Layer):
  """Algorithm 1, its gradients and algorithm 2's variance, in float64."""

  DTYPES = ('float32',)

  def build(self):
    self.epsilon = self.options['epsilon'] or 1e-3
    decay = self.options['decay']
    self.decay = 0.99 if decay is None else decay
    start = {'gamma': 1.0, 'beta': 0.0, 'mean': 0.0, 'var': 1.0}
    self.values = {n: np.full(self.shape[-1], v) for n, v in start.items()}

  def forward(self, x, mask=None):
    if mask is not None:
      raise NotOffered('no mask')
    if x.size == x.shape[-1]:
      raise ValueError('m > 1')
    self.x = x
    mean, var = self.moments(x)
    self.track(mean, self.stored_variance(var, x.size // x.shape[-1]))
    return self.normalize(x, mean, var)

  def moments(self, x):
    return reference.moments(x)

  def stored_variance(self, var, m):
    return reference.unbiased(var, m)

  def normalize(self, x, mean, var):
    gamma, beta = self.values['gamma'], self.values['beta']
    return reference.infer(x, gamma, beta, mean, var, self.epsilon)

  def track(self, mean, var):
    for name, value in (('mean', mean), ('var', var)):
      self.values[name] = self.decay * self.values[name] + (1 - self.decay) * value

  def backward(self, dy):
    return reference.backward(self.x, dy, self.values['gamma'], self.epsilon)

  def infer(self, x):
    return self.normalize(x, self.values['mean'], self.values['var'])

  def read(self):
    return dict(self.values)

  def assign(self, **values):
    self.values = {**self.values, **{n: np.asarray(v) for n, v in values.items()}}


class Biased(Right):
  def stored_variance(self, var, m):
    return var


class OutsideTheRoot(Right):
  def normalize(self, x, mean, var):
    return (x - mean) / (np.sqrt(var) + self.epsilon)


class Fast(Right):
  """E[x^2] - E[x]^2 in float32, without a bound."""

  def moments(self, x):
    rows = x.reshape(-1, x.shape[-1]).astype(np.float32)
    mean = rows.mean(0)
    return mean, (rows * rows).mean(0) - mean * mean

  def normalize(self, x, mean, var):
    with np.errstate(invalid='ignore'):
      return super().normalize(x, mean, var)


class InferenceMoves(Right):
  def infer(self, x):
    self.track(*self.moments(x))
    return super().infer(x)


class OwnMean(Right):
  """Normalizes each mini-batch of inference by itself."""

  def infer(self, x):
    return self.normalize(x, *self.moments(x))


class ConstantMoments(Right):
  """Takes the moments for constants in the gradient (section 2's mistake)."""

  def backward(self, dy):
    _, gamma, beta = super().backward(dy)
    _, var = self.moments(self.x)
    return dy * self.values['gamma'] / np.sqrt(var + self.epsilon), gamma, beta


class TakesOneValue(Right):
  def forward(self, x, mask=None):
    if x.size > x.shape[-1]:
      return super().forward(x, mask)
    return np.zeros_like(x)


MISTAKES = {
  'variance': Biased, "convolution's m'": Biased, 'epsilon': OutsideTheRoot,
  'mean / deviation': Fast, 'constant features': Fast, 'moves in': InferenceMoves,
  'inference': OwnMean, 'gradients': ConstantMoments, 'm = 1': TakesOneValue,
}  # fmt: skip
