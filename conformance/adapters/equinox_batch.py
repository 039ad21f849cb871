"""Equinox: eqx.nn.BatchNorm(mode='batch'), which its docstring recommends."""

import jax.numpy as jnp

from conformance.adapters import equinox_ema


class Layer(equinox_ema.Layer):
  EQUINOX_MODE = 'batch'

  def statistics_index(self, params):
    return params.batch_state_index

  def debiasing(self, state):
    """What inference divides by, so that `read` gives what it takes."""
    # Over devices there is a counter for each, and the statistics have one axis more.
    counter = state.get(self.static.batch_counter)[..., None]
    return jnp.where(counter == 0, 1, 1 - self.static.momentum**counter)

  def trained_state(self, state):
    return state.set(self.static.batch_counter, jnp.array(1_000_000))
