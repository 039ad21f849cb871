"""What the probes see of an implementation. Runs on Python 3.8, with NumPy alone."""

import numpy as np


class NotOffered(Exception):
  """The implementation has no such thing; the text says why."""


class Layer:
  """One layer in training. Arrays are `[batch, *places, features]`, of NumPy.

  Each implementation fills in what it has. An error of its own is an answer, too: the
  probes record it.

  Attributes:
    MODES: how it can be run: as it comes, and compiled if that is another program.
    DTYPES: of inputs that it takes.
    dtypes: names of the dtypes of `y`, `mean`, `var`, `gamma`, once they are known.
  """

  MODES = ('eager',)
  DTYPES = ('float32', 'float16', 'bfloat16')
  # How a user sets an option; after 'NAME = 1 - ' it weighs the new value.
  NAMES = {}

  def __init__(self, shape, dtype='float32', epsilon=None, decay=None, mode='eager'):
    """For inputs of this shape; None takes the implementation's default.

    Args:
      shape: of the inputs.
      dtype: of the inputs; parameters are as the implementation makes them then.
      epsilon, decay: `decay` weighs the old value, whatever the implementation weighs.
      mode: of `MODES`.
    """
    self.shape, self.dtype, self.mode, self.dtypes = tuple(shape), dtype, mode, {}
    self.options = {'epsilon': epsilon, 'decay': decay}
    self.build()

  @classmethod
  def named(cls, options):
    """The options that are given, by the implementation's names and as it weighs."""
    arguments = {}
    for option, value in options.items():
      if value is not None:
        name, *weighs_new = cls.NAMES[option].split(' = ')
        arguments[name] = 1 - value if weighs_new else value
    return arguments

  def build(self):
    """Makes the layer."""
    raise NotImplementedError

  def forward(self, x, mask=None):
    """y of a training call, which also updates what is stored."""
    raise NotOffered('no mask')

  def backward(self, dy):
    """Gradients by x, gamma and beta of the last `forward`."""
    raise NotOffered('inference only')

  def infer(self, x):
    """y with what is stored."""
    raise NotImplementedError

  def read(self):
    """A dict of gamma, beta, mean and var, as inference takes them, `[features]`."""
    raise NotImplementedError

  def assign(self, **values):
    """Replaces some of what `read` gives."""
    raise NotImplementedError

  def forgotten(self):
    """What becomes of a training call whose update the caller does not keep."""
    return 'cannot happen: the layer updates itself'

  def per_activation(self, x):
    """y with a mean and a variance for each activation (section 4.2.3)."""
    raise NotOffered('no option; flatten the locations into features')

  @classmethod
  def over_devices(cls, parts, dys, groups=None, masks=None, **options):
    """A training call on several devices, each with its part.

    Returns a dict: lists `y` and `dx`, and `gamma`, `beta`, `mean`, `var`, one for
    each device; and `collectives`, their numbers forward and backward, if known.
    """
    raise NotOffered('no moments over devices')

  def timed(self, x, dy):
    """Two calls, forward and backward, on arrays that are the implementation's own.

    Each waits for its result. Here through NumPy, which is slower: the implementation
    has no other way in.
    """
    return lambda: self.forward(x), lambda: self.backward(dy)

  def note(self, **arrays):
    """Keeps the names of dtypes of the implementation's own arrays."""
    for name, array in arrays.items():
      self.dtypes[name] = str(array.dtype).replace('torch.', '').replace('paddle.', '')


def numpy64(array):
  """An array as float64, also one of a type that NumPy has not."""
  return np.asarray(array).astype(np.float64)


def channels_first(x):
  """`[batch, *places, features]` as `[batch, features, *places]`."""
  return np.moveaxis(x, -1, 1)


def channels_last(x):
  return np.moveaxis(x, 1, -1)
