"""Networks of figure 5 as shapes: traced, never compiled."""

import functools

import jax
import jax.numpy as jnp

from bn_repro.models import networks
from bn_repro.models.describe import rows_of
from bn_repro.models.inception import AUXILIARY_LOGITS
from bn_repro.run import config as config_lib
from support import PROJECT


def build(network='bn_x30', num_classes=1000, **overrides):
  """The network of a config file, with fields of `config.model` overridden."""
  location = str(PROJECT / 'configs' / f'{network}.py')
  fields = {f'model.{name}': value for name, value in overrides.items()}
  return networks.build(config_lib.load(location, fields), num_classes)


def shapes(model, size=224):
  """The variables of a network, but for what is sown."""
  image = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
  initialize = functools.partial(model.init, train=False)
  variables = jax.eval_shape(initialize, jax.random.key(0), image)
  variables.pop(AUXILIARY_LOGITS, None)
  return variables


def outcome(model, train, size=224, batch=2):
  """The logits, and what a call changes or sows."""
  call = lambda variables, images: model.apply(
    variables, images, train=train, mutable=['batch_stats', AUXILIARY_LOGITS],
    rngs={'dropout': jax.random.key(0)} if train else {},
  )  # fmt: skip
  image = jax.ShapeDtypeStruct((batch, size, size, 3), jnp.float32)
  return jax.eval_shape(call, shapes(model, size), image)


def outputs(model, size):
  """{'3a': (28, 28, 256), ...}."""
  return {row.name: row.output for row in rows_of(model, (size, size, 3))}


def count(tree):
  """How many values there are."""
  return sum(leaf.size for leaf in jax.tree.leaves(tree))


def leaves(tree):
  """{'3a/conv_1x1/convolution/kernel': leaf, ...}."""
  found = jax.tree_util.tree_leaves_with_path(tree)
  return {'/'.join(key.key for key in path): leaf for path, leaf in found}
