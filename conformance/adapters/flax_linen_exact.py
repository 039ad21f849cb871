"""flax.linen.BatchNorm(use_fast_variance=False), two passes."""

from conformance.adapters import flax_linen


class Layer(flax_linen.Layer):
  extra = {'use_fast_variance': False}
