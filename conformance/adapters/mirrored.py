"""A TensorFlow layer under tf.distribute.MirroredStrategy, on logical CPUs."""

import numpy as np
import tensorflow as tf

DEVICES = 4
# Before the first operation: devices cannot be divided afterwards.
(_CPU,) = tf.config.list_physical_devices('CPU')
tf.config.set_logical_device_configuration(
  _CPU, [tf.config.LogicalDeviceConfiguration()] * DEVICES
)


def step(make, parts, dys):
  """A training call on each device; see `Layer.over_devices`."""
  devices = [f'CPU:{i}' for i in range(len(parts))]
  strategy = tf.distribute.MirroredStrategy(devices)
  with strategy.scope():
    layer = make()
    layer.build(parts[0].shape)

  @tf.function
  def run():
    return strategy.run(_step, (layer, *(_place(strategy, a) for a in (parts, dys))))

  y, dx, gamma, beta = (
    [np.asarray(value, np.float64) for value in strategy.experimental_local_results(v)]
    for v in run()
  )
  stored = layer.moving_mean, layer.moving_variance
  mean, var = ([np.asarray(v, np.float64)] * len(parts) for v in stored)
  return {'y': y, 'dx': dx, 'gamma': gamma, 'beta': beta, 'mean': mean, 'var': var}


def _place(strategy, arrays):
  values = [np.asarray(array, np.float32) for array in arrays]
  return strategy.experimental_distribute_values_from_function(
    lambda context: tf.constant(values[context.replica_id_in_sync_group])
  )


def _step(layer, x, dy):
  with tf.GradientTape() as tape:
    tape.watch(x)
    y = layer(x, training=True)
  weights = [getattr(w, 'value', w) for w in (layer.gamma, layer.beta)]
  return (y, *tape.gradient(y, [x, *weights], dy))
