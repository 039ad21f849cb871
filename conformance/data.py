"""Mini-batches of section 4.1, written once so that no environment needs TFDS."""

import itertools
from pathlib import Path

import numpy as np

from bn_repro.data import sources
from bn_repro.run.errors import UserError
from conformance.probes import training

HIDDEN, CLASSES, INIT_STD = 100, 10, 0.1


def write(path: Path) -> None:
  """MNIST, or the embedded digits where it is not prepared; order, initial weights."""
  name = 'mnist'
  try:
    dataset = sources.load(name)
  except UserError:
    name = sources.DIGITS
    dataset = sources.load(name)
  binary = lambda images: (images.reshape(len(images), -1) > 127).astype(np.uint8)
  draws = np.random.default_rng(0)
  number, needed = len(dataset.train.labels), training.STEPS * training.BATCH
  epochs = [draws.permutation(number) for _ in range(needed // number + 1)]
  order = np.concatenate(epochs)[:needed].reshape(training.STEPS, training.BATCH)
  images = binary(dataset.train.images)
  sizes = (images.shape[1], HIDDEN, HIDDEN, HIDDEN, CLASSES)
  weights = {
    f'weights_{i}': draws.normal(0, INIT_STD, pair).astype(np.float32)
    for i, pair in enumerate(itertools.pairwise(sizes))
  }
  path.parent.mkdir(parents=True, exist_ok=True)
  np.savez(
    path, name=name, order=order.astype(np.int32), images=images,
    labels=dataset.train.labels, test_images=binary(dataset.test.images),
    test_labels=dataset.test.labels, **weights,
  )  # fmt: skip
