"""What the layers of JAX libraries share: gradients, compilation, devices."""

import jax
import jax.numpy as jnp
import numpy as np

from conformance.adapters.base import Layer, NotOffered, numpy64

AXIS = 'devices'


def places(gamma, beta):
  """`PLACES` where the parameters have these names, and all lie in flat trees."""
  return {
    'gamma': ('params', gamma), 'beta': ('params', beta),
    'mean': ('stats', 'mean'), 'var': ('stats', 'var'),
  }  # fmt: skip


def broadcast(mask, x):
  """A mask that is to be multiplied with x: axes of 1 for those that it lacks."""
  if mask is None:
    return None
  return jnp.reshape(mask, mask.shape + (1,) * (x.ndim - mask.ndim))


def is_collective(line):
  names = ('all-reduce', 'all-gather', 'reduce-scatter', 'collective-permute')
  return any(f' {name}(' in line or f' {name}-start(' in line for name in names)


def collectives_of(function, *arguments):
  """How many collectives the compiled program has."""
  text = function.lower(*arguments).compile().as_text()
  return sum(map(is_collective, text.splitlines()))


class JaxLayer(Layer):
  """A library's layer as a pure function of trees of parameters and statistics.

  Subclasses have `init`, which returns both trees, `apply`, and `PLACES`: where gamma,
  beta, mean and var lie in `{'params': ..., 'stats': ...}`.
  """

  MODES = ('eager', 'compiled')
  PLACES = {}
  MASKED = False
  FORGOTTEN = 'the caller drops the new statistics: no error, they stay'
  device_options = {}

  def build(self):
    params, stats = self.init(jnp.zeros(self.shape, self.dtype))
    self.variables = {'params': params, 'stats': stats}
    wrap = jax.jit if self.mode == 'compiled' else lambda f: f
    self._forward = wrap(self._with_gradient)
    self._backward = wrap(lambda gradient, dy: gradient(dy))
    self._infer = wrap(lambda v, x: self.apply(v['params'], v['stats'], x, False)[0])

  def _with_gradient(self, variables, x, mask=None):
    arguments = {} if mask is None else {'mask': mask}
    call = lambda params, x: self.apply(
      params, variables['stats'], x, True, **arguments
    )
    y, gradient, stats = jax.vjp(call, variables['params'], x, has_aux=True)
    return y, stats, gradient

  def cast(self, x):
    return jnp.asarray(x).astype(self.dtype)

  def forward(self, x, mask=None):
    if mask is not None and not self.MASKED:
      raise NotOffered('no mask')
    masks = [] if mask is None else [jnp.asarray(mask)]
    y, stats, self.gradient = self._forward(self.variables, self.cast(x), *masks)
    self.variables['stats'] = stats
    self.note(y=y, **{name: self.at(name) for name in self.PLACES})
    return numpy64(y)

  def backward(self, dy):
    params, dx = self._backward(self.gradient, self.cast(dy))
    gamma, beta = (self.at(name, {'params': params}) for name in ('gamma', 'beta'))
    return numpy64(dx), numpy64(gamma).ravel(), numpy64(beta).ravel()

  def timed(self, x, dy):
    x, dy = self.cast(x), self.cast(dy)

    def forward():
      y, stats, self.gradient = self._forward(self.variables, x)
      jax.block_until_ready((y, stats, jax.tree.leaves(self.gradient)))

    return forward, lambda: jax.block_until_ready(self._backward(self.gradient, dy))

  def infer(self, x):
    y = self._infer(self.variables, self.cast(x))
    self.note(inferred=y)
    return numpy64(y)

  def at(self, name, tree=None):
    """The array of a name, as it lies in the trees."""
    value = self.variables if tree is None else tree
    for key in self.PLACES[name]:
      value = value[key]
    return value

  def read(self):
    return {name: numpy64(self.at(name)).ravel() for name in self.PLACES}

  def assign(self, **values):
    for name, value in values.items():
      *path, last = self.PLACES[name]
      old = self.at(name)
      tree = self.variables = jax.tree.map(lambda leaf: leaf, self.variables)
      for key in path:
        tree = tree[key]
      tree[last] = jnp.asarray(value).reshape(old.shape).astype(old.dtype)

  def forgotten(self):
    x = np.arange(12.0).reshape(4, 3)
    before = self.read()
    self.apply(self.variables['params'], self.variables['stats'], self.cast(x), True)
    stays = np.array_equal(before['mean'], self.read()['mean'])
    return self.FORGOTTEN if stays else 'kept although nothing took it'

  @classmethod
  def over_devices(cls, parts, dys, groups=None, masks=None, **options):
    """On as many CPU devices as there are parts, under pmap."""
    if masks is not None and not cls.MASKED:
      raise NotOffered('no mask, and parts are of one size')
    if len({len(part) for part in parts}) != 1:
      raise NotOffered('parts are of one size; give a mask')
    layer = cls.for_devices(parts[0].shape, groups, **options)
    whole = jax.pmap(layer._step, axis_name=AXIS, in_axes=(None, 0, 0, 0))
    x, dy = (jnp.asarray(np.stack(a), jnp.float32) for a in (parts, dys))
    mask = None if masks is None else jnp.asarray(np.stack(masks))
    arguments = layer.variables, x, dy, mask
    forward = jax.pmap(layer._only_forward, axis_name=AXIS, in_axes=(None, 0, 0, 0))
    y, stats, params, dx = whole(*arguments)
    read = lambda name, tree: numpy64(np.asarray(layer.at(name, tree))).reshape(
      len(parts), -1
    )
    forwards = collectives_of(forward, *arguments)
    return {
      'y': numpy64(np.asarray(y)), 'dx': numpy64(np.asarray(dx)),
      'collectives': [forwards, collectives_of(whole, *arguments) - forwards],
      **{n: read(n, {'params': params}) for n in ('gamma', 'beta')},
      **{n: read(n, {'stats': stats}) for n in ('mean', 'var')},
    }  # fmt: skip

  @classmethod
  def for_devices(cls, shape, groups, **options):
    """A layer that merges moments over `AXIS`."""
    cls.device_options = cls.options_for(groups)
    try:
      return cls(shape, **options)
    finally:
      cls.device_options = {}

  @classmethod
  def options_for(cls, groups):
    return {'axis_name': AXIS, 'axis_index_groups': groups}

  def _step(self, variables, x, dy, mask):
    y, stats, gradient = self._with_gradient(variables, x, mask)
    return y, stats, *gradient(dy)

  def _only_forward(self, variables, x, dy, mask):
    return self._with_gradient(variables, x, mask)[:2]
