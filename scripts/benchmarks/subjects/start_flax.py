"""What `start.py` starts: Flax's ImageNet example, which ends after its first step.

usage: start_flax.py FOLDER     in an environment of the example's own

ResNet-18 at 224 pixels, mini-batches of 8. It is handed random images, so that it reads
none. Imports nothing but what it starts.
"""

import os
import sys
import tempfile
from types import SimpleNamespace

BATCH, SIZE = 8, 224


def main(folder: str) -> None:
  """Starts the example in that folder, without its data set and profiler."""
  sys.path.insert(0, folder)
  import jax
  import train

  from configs import default

  config = default.get_config()
  config.update(
    model='ResNet18', batch_size=BATCH, num_train_steps=1, steps_per_eval=1,
    profile=False, log_every_steps=0,
  )  # fmt: skip
  train.tfds = SimpleNamespace(builder=lambda _: _data_set())
  train.create_input_iter = lambda *_, **__: _batches(jax.local_device_count())

  def end(state, _):
    jax.block_until_ready(state)
    os._exit(0)

  train.save_checkpoint = end  # after the only step
  train.train_and_evaluate(config, tempfile.mkdtemp())


def _data_set() -> SimpleNamespace:
  split = SimpleNamespace(num_examples=100 * BATCH)
  return SimpleNamespace(
    info=SimpleNamespace(splits={'train': split, 'validation': split})
  )


def _batches(devices: int):
  import numpy as np

  each = BATCH // devices
  images = np.random.default_rng(0).random((devices, each, SIZE, SIZE, 3), np.float32)
  while True:
    yield {'image': images, 'label': np.zeros((devices, each), np.int32)}


if __name__ == '__main__':
  main(sys.argv[1])
