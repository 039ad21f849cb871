"""Gradients of a Keras layer on JAX."""

import jax


class Gradients:
  def __init__(self, layer, mode):
    self.layer = layer
    wrap = jax.jit if mode == 'compiled' else lambda f: f
    self.call, self.pull = wrap(self._call), wrap(lambda gradient, dy: gradient(dy))
    self.evaluate = wrap(lambda trained, stored, x: self._apply(trained, stored, x)[0])

  def _apply(self, trained, stored, x, training=False, mask=None):
    return self.layer.stateless_call(trained, stored, x, training=training, mask=mask)

  def _call(self, trained, stored, x, mask):
    apply = lambda trained, x: self._apply(trained, stored, x, True, mask)
    return jax.vjp(apply, trained, x, has_aux=True)

  def state(self):
    layer = self.layer
    return (
      [v.value for v in layer.trainable_variables],
      [v.value for v in layer.non_trainable_variables],
    )

  def forward(self, x, mask):
    y, self.gradient, stored = self.call(*self.state(), x, mask)
    for variable, value in zip(self.layer.non_trainable_variables, stored):
      variable.assign(value)
    return y

  def backward(self, dy):
    (gamma, beta), dx = self.pull(self.gradient, dy)
    return dx, gamma, beta

  def wait(self, value):
    jax.block_until_ready((value, jax.tree.leaves(self.gradient)))

  def infer(self, x):
    return self.evaluate(*self.state(), x)

  def forgotten(self):
    before = self.layer.moving_mean.value
    self._apply(*self.state(), jax.numpy.arange(12.0).reshape(4, 3), True)
    stays = bool((before == self.layer.moving_mean.value).all())
    dropped = 'the caller drops what stateless_call returns: no error, they stay'
    return dropped if stays else 'kept'
