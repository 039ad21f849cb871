"""What the processes of `train_step.py` are given, and what they measure."""

import importlib
from typing import NamedTuple

from ml_collections import ConfigDict
from subjects import inception, noise, speed

from bn_repro.models import networks
from bn_repro.models.describe import rows_of

# The second step may compile again, for the kind of arrays that the first returned.
# Where initial weights and images are the same, equal losses of the last of these mean
# equal work; a few steps later rounding has grown to tenths.
WARM_UP_STEPS = 2
BRIEF_STEPS = 8
# Sides of the matrices whose product is the peak.
MATRIX = {'cpu': 2048, 'gpu': 8192, 'tpu': 8192}
PRODUCTS = 5
# Examples that the configs normalize together.
GROUP = 32


class Task(NamedTuple):
  """What one process measures; JSON.

  `backend` is 'cpu', 'gpu' or 'tpu'; `dataset` the argument of configs/bn_x5.py, and
  `overrides` its other fields, dotted; the last three fields are for PyTorch alone.
  """

  subject: str
  backend: str
  dataset: str
  overrides: dict
  seconds: float
  threads: int | None = None
  channels_last: bool | None = None
  compile_mode: str | None = None

  @property
  def config(self) -> ConfigDict:
    """configs/bn_x5.py on one device, all of a mini-batch normalized at once."""
    return inception.config_of(self.dataset, **self.overrides)

  @property
  def title(self) -> str:
    """Such as '64 pixels, width 0.25, batch 32, float32'."""
    config = self.config
    return (
      f'{config.dataset.size} pixels, width {config.model.width:g}, '
      f'batch {config.batch_size}, {config.model.dtype}'
    )


def operations(config: ConfigDict) -> int:
  """Floating-point operations to train on one image, of convolutions and logits alone.

  A multiply-add is two, and the backward pass takes twice what the forward pass
  takes: 6 times `describe`'s multiply-adds, whatever a compiler makes of the step.
  """
  model = networks.build(config, config.dataset.num_classes)
  size = config.dataset.size
  return 6 * sum(row.multiply_adds for row in rows_of(model, (size, size, 3)))


def measure(**task) -> dict:
  """In the subject's process: speed, loss, memory and peak."""
  task = Task(**task)
  config, library = task.config, 'torch' if 'torch' in task.subject else 'jax'
  subjects = importlib.import_module(f'subjects.train_step_{library}')
  build = getattr(subjects, task.subject)
  step = build(config, noise.images(config), task)
  measured = speed.measure(step.run, WARM_UP_STEPS, BRIEF_STEPS, task.seconds)
  peak = _peak(subjects.matrix_products, config.model.dtype, task.backend)
  images, seconds = config.batch_size * measured['steps'], measured['seconds']
  return {
    'images_per_second': images / seconds,
    'seconds_per_step': seconds / measured['steps'],
    'steps': measured['steps'],
    'warm_up_seconds': measured['warm_up_seconds'],
    'loss': measured['losses'][0],
    'operations_per_image': operations(task.config),
    'peak': peak,
    'share_of_peak': images / seconds * operations(task.config) / peak,
    'temporary_bytes': step.temporary_bytes(),
    'parameters': step.parameters,
    'device': step.device,
  }


def _peak(matrix_products, dtype: str, backend: str) -> float:
  """Floating-point operations a second of the fastest of some matrix products."""
  run = matrix_products(MATRIX[backend], dtype, backend)
  run(range(PRODUCTS))
  seconds = min(speed.timed(run, range(PRODUCTS))[0] for _ in range(3))
  return 2 * MATRIX[backend] ** 3 * PRODUCTS / seconds
